#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/clock.h"
#include "common/network/netlink.h"
#include "common/result.h"
#include "exporter/flows/links.h"
#include "exporter/flows/mapping/mapping_options.h"
#include "exporter/flows/mapping/mapping_programs.h"
#include "exporter/flows/tc_attachment.h"

namespace sonde::exporter {

/// Keeps the mapping's programs attached to the underlay's interfaces: those that the options name, else
/// those of default routes, else the physical ones. Threads: one at a time.
class UnderlayInterfaces {
 public:
  UnderlayInterfaces(MappingOptions options, const MappingPrograms& programs);

  /// Attaches to interfaces that are new, or whose programs somebody detached, and lets those go that are
  /// gone. Looks for them every 15 s only, as long as there is one and none fails: a router's list of routes
  /// may be long. Errors: kPermission without CAP_NET_ADMIN, kNotFound for a namespace that does not exist,
  /// kUnsupported; an interface that refuses is logged once and counted, and tried again.
  Result<void> update(SteadyTime now);

  [[nodiscard]] size_t attached() const { return attached_.size(); }
  /// Interfaces that refused at the last update, or that the options name and that are not there.
  [[nodiscard]] size_t failed() const { return failed_.size(); }
  /// The name of an interface that programs are attached to; "" for others.
  [[nodiscard]] std::string name(uint32_t index) const;

 private:
  struct Attached {
    std::string name;
    TcAttachment from;
    TcAttachment to;
  };

  Result<void> update_here();
  [[nodiscard]] Result<std::map<uint32_t, std::string>> wanted();
  void attach(uint32_t index, const std::string& name);
  void note_failure(const std::string& name, const std::string& reason);

  const MappingOptions options_;
  const MappingPrograms& programs_;
  std::optional<SteadyTime> looked_at_;
  std::optional<NetlinkSocket> socket_;
  std::unique_ptr<TcAttacher> attacher_;       ///< outlives what it attached
  std::map<uint32_t, Attached> attached_;      ///< by index
  std::map<std::string, std::string> failed_;  ///< why, by name
};

}  // namespace sonde::exporter
