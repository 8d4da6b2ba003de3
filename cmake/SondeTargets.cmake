# Compiler flags shared by every target, and the few commands that declare one.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(SONDE_SANITIZERS "" CACHE STRING "Sanitizers of the whole build: 'address,undefined', 'thread' or nothing")
set(SONDE_TEST_PREFIX "" CACHE STRING "Put before each test's name, so that one ctest run can hold several builds")
option(SONDE_UNIT_TESTS "Build the tests that need no release build too (./check runs those under sanitizers)" ON)
option(SONDE_FUZZ "Build the fuzz targets with libFuzzer (clang 19) instead of replaying their corpus" OFF)

add_library(sonde_flags INTERFACE)
target_include_directories(sonde_flags INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(sonde_flags INTERFACE -g1
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror
  $<$<CONFIG:Debug>:-O0> -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 at -O2 reports impossible overflows inside the standard library (GCC bug 105329 and kin).
  target_compile_options(sonde_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
                         -Wno-maybe-uninitialized)
else()
  # clang 19 blames us for what std::stable_sort of libstdc++ 12 calls.
  target_compile_options(sonde_flags INTERFACE -Wno-deprecated-declarations)
  # The word that bpftool writes into skeletons for a program's bool; g++ knows it in C++ too.
  target_compile_definitions(sonde_flags INTERFACE _Bool=bool)
endif()
if(SONDE_SANITIZERS)
  # These three cost a quarter of the compile time: AddressSanitizer sees null and out-of-object accesses too, and
  # vptr is about unchecked casts between polymorphic types, of which there are none here.
  target_compile_options(sonde_flags INTERFACE -fsanitize=${SONDE_SANITIZERS} -fno-sanitize=null,object-size,vptr
                         -fno-sanitize-recover=all)
  target_link_options(sonde_flags INTERFACE -fsanitize=${SONDE_SANITIZERS})
endif()
if(SONDE_FUZZ)
  target_compile_options(sonde_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(sonde_flags INTERFACE -fsanitize=address,undefined)
endif()
find_program(SONDE_MOLD mold)
if(SONDE_MOLD)
  target_link_options(sonde_flags INTERFACE -fuse-ld=mold)
endif()

# Several sources are compiled as one (CMAKE_UNITY_BUILD in the presets: half the time of a build), so names of helpers
# must differ within a target. Sources listed under ALONE instead of SOURCES are compiled each by itself: files of one
# pattern, such as collectors, may then call their tables by the same name.
macro(sonde_compile_alone)
  set_source_files_properties(${arg_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  list(APPEND arg_SOURCES ${arg_ALONE})
endmacro()

# sonde_library(NAME SOURCES … [ALONE …] LINK …): a static library; LINK lists the only layers it may include.
function(sonde_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;ALONE;LINK" ${ARGN})
  sonde_compile_alone()
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC sonde_flags ${arg_LINK})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE sonde_flags ${arg_LINK})
  endif()
endfunction()

# sonde_program(NAME SOURCES … [ALONE …] LINK …): an executable in build/<preset>/bin.
function(sonde_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;ALONE;LINK" ${ARGN})
  sonde_compile_alone()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sonde_flags ${arg_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# sonde_test(NAME SOURCES … [ALONE …] LINK … LABELS … [SERIAL]): a GoogleTest executable, each case a ctest case.
# SERIAL: its cases measure the machine (BPF counts, cgroups), so nothing else may run beside them.
# Those with LABELS "bpf" or "e2e" have a second run where they fail (docs/decisions/second-run.md).
# LABELS decide the build: "bpf" and "e2e" need the release build; all others run under ASan + UBSan,
# those that are also "threads" under TSan.
function(sonde_test name)
  cmake_parse_arguments(arg "SERIAL" "TIMEOUT" "SOURCES;ALONE;LINK;LABELS;PROPERTIES" ${ARGN})
  sonde_compile_alone()
  set(needs_release OFF)
  if("bpf" IN_LIST arg_LABELS OR "e2e" IN_LIST arg_LABELS)
    set(needs_release ON)
  endif()
  if(SONDE_FUZZ OR (SONDE_SANITIZERS AND needs_release)
     OR (SONDE_SANITIZERS STREQUAL "thread" AND NOT "threads" IN_LIST arg_LABELS)
     OR (NOT SONDE_UNIT_TESTS AND NOT needs_release))
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sonde_flags ${arg_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE SONDE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set(properties SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  if(arg_SERIAL)
    list(APPEND properties RUN_SERIAL ON)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(needs_release)
    math(EXPR arg_TIMEOUT "2 * ${arg_TIMEOUT}")
    # What gtest_discover_tests puts before the program.
    set_target_properties(${name} PROPERTIES CROSSCOMPILING_EMULATOR ${CMAKE_SOURCE_DIR}/tests/support/second_run)
  endif()
  list(APPEND properties TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}" ${arg_PROPERTIES})
  gtest_discover_tests(${name} TEST_PREFIX "${SONDE_TEST_PREFIX}." DISCOVERY_MODE PRE_TEST
                       PROPERTIES ${properties})
  set_property(GLOBAL APPEND PROPERTY SONDE_TEST_TARGETS ${name})
endfunction()

# sonde_script_test(NAME COMMAND … LABELS … [TIMEOUT s] [LOCK name]): a script as one ctest case, in the release build
# only. Scripts with the same LOCK never run beside each other; they are long, so they begin early.
function(sonde_script_test name)
  cmake_parse_arguments(arg "SERIAL" "TIMEOUT;LOCK" "COMMAND;LABELS" ${ARGN})
  if(SONDE_FUZZ OR SONDE_SANITIZERS)
    return()
  endif()
  set(second_run "")
  if("bpf" IN_LIST arg_LABELS OR "e2e" IN_LIST arg_LABELS)
    set(second_run tests/support/second_run)
  endif()
  add_test(NAME ${SONDE_TEST_PREFIX}.${name} COMMAND ${second_run} ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(second_run)
    math(EXPR arg_TIMEOUT "2 * ${arg_TIMEOUT}")
  endif()
  set_tests_properties(${SONDE_TEST_PREFIX}.${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    SKIP_RETURN_CODE 77 ENVIRONMENT "SONDE_BUILD=${CMAKE_BINARY_DIR};PYTHONPATH=${CMAKE_SOURCE_DIR}")
  if(arg_LOCK)
    set_tests_properties(${SONDE_TEST_PREFIX}.${name} PROPERTIES RESOURCE_LOCK ${arg_LOCK} COST 1000)
  endif()
  if(arg_SERIAL)
    set_tests_properties(${SONDE_TEST_PREFIX}.${name} PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

# sonde_fuzz(NAME SOURCES … [ALONE …] LINK …): NAME.cpp holds LLVMFuzzerTestOneInput, tests/fuzz/corpus/NAME/ its inputs.
# In the fuzz build a libFuzzer program; elsewhere a ctest case that replays the corpus.
function(sonde_fuzz name)
  cmake_parse_arguments(arg "" "" "SOURCES;ALONE;LINK" ${ARGN})
  sonde_compile_alone()
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(SONDE_FUZZ)
    add_executable(${name} ${arg_SOURCES})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  elseif(SONDE_SANITIZERS STREQUAL "thread" OR NOT SONDE_UNIT_TESTS)
    return()
  else()
    add_executable(${name} ${arg_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME ${SONDE_TEST_PREFIX}.fuzz_corpus.${name} COMMAND ${name} ${corpus})
    set_tests_properties(${SONDE_TEST_PREFIX}.fuzz_corpus.${name} PROPERTIES LABELS "fuzz;unit" TIMEOUT 120)
  endif()
  target_link_libraries(${name} PRIVATE sonde_flags ${arg_LINK})
  set_property(GLOBAL APPEND PROPERTY SONDE_TEST_TARGETS ${name})
endfunction()

# sonde_benchmark(NAME SOURCES … [ALONE …] LINK …): a Google Benchmark program; built by the target "benchmarks", never a test.
add_custom_target(benchmarks)
function(sonde_benchmark name)
  cmake_parse_arguments(arg "" "" "SOURCES;ALONE;LINK" ${ARGN})
  sonde_compile_alone()
  if(SONDE_FUZZ OR SONDE_SANITIZERS)
    return()
  endif()
  add_executable(${name} EXCLUDE_FROM_ALL ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE sonde_flags ${arg_LINK} benchmark::benchmark benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  add_dependencies(benchmarks ${name})
endfunction()
