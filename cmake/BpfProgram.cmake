# sonde_bpf_program(NAME [SOURCE …]): bpf/NAME.bpf.c, or SOURCE, → CO-RE object → NAME.skel.h; link bpf_NAME to include
# it.
find_program(SONDE_CLANG_BPF NAMES clang-14 clang REQUIRED)
find_program(SONDE_BPFTOOL bpftool PATHS /usr/sbin REQUIRED)

# As libbpf's headers call the architecture.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(SONDE_BPF_ARCH arm64)
else()
  set(SONDE_BPF_ARCH x86)
endif()

function(sonde_bpf_program name)
  cmake_parse_arguments(arg "" "SOURCE" "" ${ARGN})
  set(source ${CMAKE_SOURCE_DIR}/bpf/${name}.bpf.c)
  if(arg_SOURCE)
    set(source ${arg_SOURCE})
  endif()
  set(object ${CMAKE_BINARY_DIR}/bpf/${name}.bpf.o)
  set(skeleton ${CMAKE_BINARY_DIR}/generated/bpf/${name}.skel.h)
  add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/bpf ${CMAKE_BINARY_DIR}/generated/bpf
    COMMAND ${SONDE_CLANG_BPF} -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Werror
            -Wno-unused-parameter # BPF_PROG() names the context, hooks name arguments before those used
            -D__TARGET_ARCH_${SONDE_BPF_ARCH} -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MF ${object}.d -c ${source} -o ${object}
    DEPENDS ${source} DEPFILE ${object}.d COMMENT "BPF ${name}" VERBATIM)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND sh -c "'${SONDE_BPFTOOL}' gen skeleton '${object}' name ${name}_bpf > '${skeleton}'"
    DEPENDS ${object} COMMENT "BPF skeleton ${name}" VERBATIM)
  add_custom_target(bpf_${name}_skeleton DEPENDS ${skeleton})
  add_library(bpf_${name} INTERFACE)
  add_dependencies(bpf_${name} bpf_${name}_skeleton)
  # System include: the generated header is not ours to lint.
  target_include_directories(bpf_${name} SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(bpf_${name} INTERFACE PkgConfig::libbpf)
endfunction()
