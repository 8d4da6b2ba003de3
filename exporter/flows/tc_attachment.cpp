#include "exporter/flows/tc_attachment.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/log.h"
#include "exporter/flows/clsact_filters.h"

namespace sonde::exporter {
namespace {

/// The kernel's struct bpf_link_info of tcx.
struct TcxLinkInfo {
  uint32_t type = 0;
  uint32_t id = 0;
  uint32_t program_id = 0;
  uint32_t reserved = 0;
  uint32_t interface = 0;  ///< 0: it has gone
  uint32_t attach_type = 0;
};

}  // namespace

std::string_view tc_means_word(TcMeans means) {
  switch (means) {
    case TcMeans::kBest:
      return "best";
    case TcMeans::kTcx:
      return "tcx";
    case TcMeans::kClsact:
      return "clsact";
  }
  return "";
}

TcAttachment::TcAttachment(FileDescriptor link) : link_(std::move(link)) {}

TcAttachment::TcAttachment(ClsactFilters& clsact, uint32_t interface, Direction direction, uint32_t handle)
    : clsact_(&clsact), interface_(interface), direction_(direction), handle_(handle) {}

TcAttachment::TcAttachment(TcAttachment&& other) noexcept
    : link_(std::move(other.link_)),
      clsact_(std::exchange(other.clsact_, nullptr)),
      interface_(other.interface_),
      direction_(other.direction_),
      handle_(other.handle_) {}

TcAttachment& TcAttachment::operator=(TcAttachment&& other) noexcept {
  if (this == &other) return *this;
  detach();
  link_ = std::move(other.link_);
  clsact_ = std::exchange(other.clsact_, nullptr);
  interface_ = other.interface_;
  direction_ = other.direction_;
  handle_ = other.handle_;
  return *this;
}

TcAttachment::~TcAttachment() {
  detach();
}

bool TcAttachment::holds() const {
  if (clsact_ != nullptr) return clsact_->has(interface_, direction_, handle_);
  TcxLinkInfo information;
  bpf_attr attributes{};
  attributes.info.bpf_fd = static_cast<uint32_t>(link_.get());
  attributes.info.info_len = sizeof(information);
  attributes.info.info = reinterpret_cast<uint64_t>(&information);
  return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attributes, sizeof(attributes)) != 0 ||
         information.interface != 0;
}

void TcAttachment::detach() {
  link_.reset();
  ClsactFilters* const clsact = std::exchange(clsact_, nullptr);
  if (clsact == nullptr) return;
  if (const auto removed = clsact->remove(interface_, direction_, handle_); !removed) {
    log::warning("a tc filter could not be removed",
                 {{"interface", interface_}, {"reason", removed.error().message}});
  }
}

TcAttacher::TcAttacher() = default;
TcAttacher::~TcAttacher() = default;

Result<std::unique_ptr<TcAttacher>> TcAttacher::open(TcMeans means) {
  const auto tcx = has_tcx_links();
  if (!tcx) return tl::unexpected(tcx.error());
  if (means == TcMeans::kTcx && !*tcx) {
    return fail(ErrorCode::kUnsupported, "this kernel has no tcx links; they came with Linux 6.6");
  }
  std::unique_ptr<TcAttacher> attacher(new TcAttacher());
  attacher->means_ = means == TcMeans::kBest ? (*tcx ? TcMeans::kTcx : TcMeans::kClsact) : means;
  // Also where tcx is used: the predecessor may have been told not to.
  auto clsact = ClsactFilters::open();
  if (!clsact) return tl::unexpected(clsact.error());
  const auto stale = (*clsact)->remove_stale();
  if (!stale) return fail("tc filters that a killed exporter left", stale.error());
  attacher->stale_removed_ = *stale;
  if (*stale > 0) {
    log::warning("tc filters that a killed exporter left were removed", {{"filters", *stale}});
  }
  if (attacher->means_ == TcMeans::kClsact) attacher->clsact_ = std::move(*clsact);
  return attacher;
}

void TcAttacher::look() {
  if (clsact_) (void)clsact_->look();
}

size_t TcAttacher::hidden() const {
  return clsact_ ? clsact_->hidden() : 0;
}

Result<TcAttachment> TcAttacher::attach(uint32_t interface, Direction direction, int program,
                                        std::string_view name) {
  if (clsact_) {
    const auto handle = clsact_->add(interface, direction, program, name);
    if (!handle) return tl::unexpected(handle.error());
    return TcAttachment(*clsact_, interface, direction, *handle);
  }
  // In front of the others: one that drops or redirects packets would hide them from those behind it.
  FileDescriptor link = create_tcx_link(interface, direction, program, TcxOrder::kFirst);
  if (link) return TcAttachment(std::move(link));
  const ErrorCode code = errno == ENODEV                      ? ErrorCode::kNotFound
                         : errno == EPERM || errno == EACCES  ? ErrorCode::kPermission
                         : errno == ERANGE || errno == ENOSPC ? ErrorCode::kLimit
                                                              : ErrorCode::kUnavailable;
  return fail(code, fmt::format("tcx link at interface {}: {}", interface, strerrordesc_np(errno)));
}

}  // namespace sonde::exporter
