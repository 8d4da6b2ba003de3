#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "common/file_descriptor.h"
#include "common/log.h"
#include "inject/audience.h"
#include "inject/fault_report.h"

namespace sonde::inject {
namespace {

class PipedAudience : public Audience {
 public:
  PipedAudience(int descriptor, const identity::ContainerName& name, std::string_view fault)
      : pipe_(descriptor), name_(name), fault_(fault) {}

  Result<void> start() override {
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) return fail(ErrorCode::kUnavailable, "whoever started this injector is gone");
    return {};
  }

  void placed(double seconds) override { write({FaultReport::Event::kPlaced, seconds, {}, {}, {}, {}}); }

  void proven(double start_seconds, const Effect& effect) override {
    write(with_effect(FaultReport::Event::kProven, start_seconds, effect));
  }

  void measured(const Effect& effect) override {
    write(with_effect(FaultReport::Event::kMeasured, 0, effect));
  }

  void ended(double end_seconds) override {
    write({FaultReport::Event::kEnded, end_seconds, {}, {}, {}, {}});
  }

  void left_in_place() override { write({FaultReport::Event::kLeft, 0, {}, {}, {}, {}}); }

  void linger(SignalQueue&) override {}

  [[nodiscard]] bool has_listened() const override { return true; }

 private:
  static FaultReport with_effect(FaultReport::Event event, double seconds, const Effect& effect) {
    FaultReport report{event, seconds, {}, {}, effect.summary, {}};
    for (const auto& reading : effect.readings)
      report.readings.emplace_back(reading.row->name, reading.value);
    return report;
  }

  void write(FaultReport report) {
    report.name = name_;
    report.fault = fault_;
    const std::string line = format_report(report) + "\n";
    if (::write(pipe_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
    if (!pipe_) return;  // said already
    log::warning("nobody reads this injector's reports any more; the fault is taken back",
                 {{"error", std::strerror(errno)}});
    pipe_.reset();
    kill(getpid(), SIGTERM);
  }

  FileDescriptor pipe_;
  identity::ContainerName name_;
  std::string fault_;
};

}  // namespace

std::unique_ptr<Audience> make_piped_audience(int descriptor, const identity::ContainerName& name,
                                              std::string_view fault) {
  return std::make_unique<PipedAudience>(descriptor, name, fault);
}

}  // namespace sonde::inject
