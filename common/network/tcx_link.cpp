#include "common/network/tcx_link.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sonde {
namespace {

// Of Linux 6.6's linux/bpf.h; Debian 12's header has none of them.
constexpr uint32_t kTcxIngress = 46;
constexpr uint32_t kTcxEgress = 47;
constexpr uint32_t kBefore = 1U << 3U;

/// The kernel's union bpf_attr for BPF_LINK_CREATE of tcx.
struct CreateTcxLink {
  uint32_t program = 0;
  uint32_t interface = 0;
  uint32_t attach_type = 0;
  uint32_t flags = 0;
  uint32_t relative = 0;
  uint32_t reserved = 0;
  uint64_t expected_revision = 0;
};
static_assert(sizeof(CreateTcxLink) == 32);

/// A program that only says "go on with the next", to try with. Errors: the kernel's.
Result<FileDescriptor> load_empty_program() {
  const std::array<bpf_insn, 2> instructions{
      bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = -1},
      bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attributes.insns = reinterpret_cast<uint64_t>(instructions.data());
  attributes.insn_cnt = instructions.size();
  attributes.license = reinterpret_cast<uint64_t>("GPL");
  std::strncpy(attributes.prog_name, "sonde_try_tcx", sizeof(attributes.prog_name) - 1);
  FileDescriptor program(static_cast<int>(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes))));
  if (program) return program;
  return fail(errno == EPERM || errno == EACCES ? ErrorCode::kPermission : ErrorCode::kUnsupported,
              fmt::format("programs of tc cannot be loaded: {}; they need CAP_BPF and CAP_NET_ADMIN",
                          strerrordesc_np(errno)));
}

}  // namespace

FileDescriptor create_tcx_link(uint32_t interface, Direction direction, int program, TcxOrder order) {
  CreateTcxLink attributes{.program = static_cast<uint32_t>(program),
                           .interface = interface,
                           .attach_type = direction == Direction::kIngress ? kTcxIngress : kTcxEgress,
                           .flags = order == TcxOrder::kFirst ? kBefore : 0};
  return FileDescriptor(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes))));
}

Result<bool> has_tcx_links() {
  // A kernel without them does not know the type of link; one with them looks for the interface.
  constexpr uint32_t kNoInterface = 0x7fffffff;
  const auto program = load_empty_program();
  if (!program) return tl::unexpected(program.error());
  const FileDescriptor link =
      create_tcx_link(kNoInterface, Direction::kIngress, program->get(), TcxOrder::kFirst);
  return !link && errno == ENODEV;
}

}  // namespace sonde
