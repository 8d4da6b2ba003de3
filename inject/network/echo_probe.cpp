#include "inject/network/echo_probe.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/network/packet_delay.h"

namespace sonde::inject {
namespace {

constexpr size_t kMostRecent = 8;
constexpr std::chrono::seconds kRecent(3);
constexpr int kBaseRequests = 10;
constexpr std::chrono::milliseconds kBaseSpacing(20);
constexpr std::chrono::milliseconds kBasePatience(300);
constexpr std::chrono::milliseconds kLongestSleep(20);
constexpr std::chrono::seconds kInterest(2);

double seconds_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double>(to - from).count();
}

void sleep_for_answer(int descriptor, SteadyTime until) {
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - SteadyClock::now());
  const timespec timeout{.tv_sec = 0, .tv_nsec = std::clamp<int64_t>(left.count(), 0, 999'999'999)};
  pollfd polled{descriptor, POLLIN, 0};
  ppoll(&polled, 1, &timeout, nullptr);
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

EchoProbe::EchoProbe(EchoSocket socket, std::string address)
    : socket_(std::move(socket)), address_(std::move(address)) {}

EchoProbe::~EchoProbe() = default;

Result<std::unique_ptr<EchoProbe>> EchoProbe::find(const TargetNetwork& network, const std::string& address) {
  std::vector<EchoAddress> candidates;
  std::vector<EchoSocket> sockets;
  const auto open_sockets = [&]() -> Result<void> {
    if (address.empty()) {
      auto found = echo_candidates(network.interface_index());
      if (!found) return tl::unexpected(found.error());
      candidates = std::move(*found);
    } else {
      auto parsed = parse_echo_address(address, network.interface_index());
      if (!parsed) return tl::unexpected(parsed.error());
      candidates.push_back(*parsed);
    }
    for (const auto& candidate : candidates) {
      auto socket = EchoSocket::open(candidate, network.interface_name());
      if (!socket) return tl::unexpected(socket.error());
      sockets.push_back(std::move(*socket));
    }
    return {};
  };
  if (auto opened = network.inside(open_sockets); !opened) return tl::unexpected(opened.error());
  for (size_t i = 0; i < sockets.size(); ++i) {
    std::unique_ptr<EchoProbe> probe(new EchoProbe(std::move(sockets[i]), candidates[i].text()));
    const auto base = probe->measure_base_punctually();
    if (!base) continue;
    probe->base_seconds_ = *base;
    return probe;
  }
  return fail(
      ErrorCode::kUnavailable,
      fmt::format(
          "{} answers pings from the container's network, so no effect could be proven; name an address "
          "that does with --probe-to",
          address.empty() ? "neither gateway nor neighbour" : address + " does not: nobody"));
}

std::optional<double> EchoProbe::measure_base_punctually() {
  std::optional<double> base;
  std::thread([&] {
    be_punctual();
    base = measure_base();
  }).join();
  return base;
}

std::optional<double> EchoProbe::measure_base() {
  std::map<uint16_t, SteadyTime> sent;
  std::vector<double> round_trips;
  for (int i = 0; i < kBaseRequests; ++i) {
    const bool last = i + 1 == kBaseRequests;
    if (socket_.request(number_)) sent[number_] = SteadyClock::now();
    ++number_;
    const SteadyTime until = SteadyClock::now() + (last ? kBasePatience : kBaseSpacing);
    while (SteadyClock::now() < until && (!last || round_trips.size() < sent.size())) {
      sleep_for_answer(socket_.descriptor(), until);
      while (const auto number = socket_.answer()) {
        if (const auto found = sent.find(*number); found != sent.end()) {
          round_trips.push_back(seconds_between(found->second, SteadyClock::now()));
        }
      }
    }
  }
  if (round_trips.size() * 2 < kBaseRequests) return std::nullopt;
  return median(round_trips);
}

void EchoProbe::start(std::chrono::milliseconds interval, std::chrono::milliseconds patience) {
  const std::lock_guard lock(mutex_);
  interval_ = interval;
  patience_ = patience;
  next_ = asked_for_ = SteadyClock::now();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void EchoProbe::set_interval(std::chrono::milliseconds interval) {
  const std::lock_guard lock(mutex_);
  interval_ = interval;
}

void EchoProbe::set_expected(double expected) {
  const std::lock_guard lock(mutex_);
  expected_ = expected;
}

EchoCounts EchoProbe::counts() {
  const std::lock_guard lock(mutex_);
  asked_for_ = SteadyClock::now();
  std::erase_if(recent_, [&](const auto& entry) { return asked_for_ - entry.first > kRecent + patience_; });
  EchoCounts counts{.decided = decided_, .answered = answered_, .expected = expected_decided_};
  for (const auto& [time, round_trip] : recent_) counts.recent.push_back(round_trip);
  return counts;
}

void EchoProbe::run(const std::stop_token& stop) {
  be_punctual();
  while (!stop.stop_requested()) {
    SteadyTime wake;
    {
      const std::lock_guard lock(mutex_);
      step();
      wake = std::min(next_, SteadyClock::now() + kLongestSleep);
    }
    sleep_for_answer(socket_.descriptor(), wake);
  }
}

void EchoProbe::step() {
  const SteadyTime now = SteadyClock::now();
  while (const auto number = socket_.answer()) {
    const auto found = sent_.find(*number);
    if (found == sent_.end() || found->second.answered) continue;
    found->second.answered = true;
    const auto& sent = found->second;
    recent_.push_back({sent.time, {seconds_between(sent.time, now), sent.expected}});
    if (recent_.size() > kMostRecent) recent_.pop_front();
  }
  // Both at the same age: else, of those sent last, only the answered ones would count.
  std::erase_if(sent_, [&](const auto& entry) {
    if (now - entry.second.time <= patience_) return false;
    ++decided_;
    expected_decided_ += entry.second.expected;
    if (entry.second.answered) ++answered_;
    return true;
  });
  if (now < next_) return;
  next_ = std::max(next_ + interval_, now);
  if (now - asked_for_ > kInterest) return;
  if (socket_.request(number_)) sent_[number_] = {now, expected_};
  ++number_;
}

}  // namespace sonde::inject
