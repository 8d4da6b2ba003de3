#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace sonde::http {

/// Bounds how many requests may wait for something scarce, in all and of one client address, so that the
/// others keep the server's threads. Threads: safe.
class WaitingPlaces {
 public:
  WaitingPlaces(size_t in_all, size_t of_one_address) : in_all_(in_all), of_one_address_(of_one_address) {}

  /// A place, given back at its end; false where there was none.
  class Place {
   public:
    Place(WaitingPlaces& places, std::string address)
        : places_(places), address_(std::move(address)), taken_(places_.take(address_)) {}
    ~Place() {
      if (taken_) places_.give_back(address_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    explicit operator bool() const { return taken_; }

   private:
    WaitingPlaces& places_;
    const std::string address_;
    const bool taken_;
  };

 private:
  bool take(const std::string& address) {
    const std::lock_guard lock(mutex_);
    if (taken_ >= in_all_) return false;
    size_t& of_this = by_address_[address];  // at most in_all_ addresses: each has a place
    if (of_this >= of_one_address_) return false;
    ++of_this;
    ++taken_;
    return true;
  }
  void give_back(const std::string& address) {
    const std::lock_guard lock(mutex_);
    --taken_;
    if (--by_address_[address] == 0) by_address_.erase(address);
  }

  const size_t in_all_;
  const size_t of_one_address_;
  std::mutex mutex_;  // guards the two below
  size_t taken_ = 0;
  std::map<std::string, size_t> by_address_;
};

}  // namespace sonde::http
