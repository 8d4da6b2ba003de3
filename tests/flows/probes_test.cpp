// The probe's code where two CPUs are at it at once, in the orders that matter.
#include <gtest/gtest.h>

#include "tests/flows/support/probes_on_host.h"

namespace sonde::test {
namespace {

constexpr uint64_t kKnown = 1ULL << 32;

flow_probe the_probe;

class Probes : public testing::Test {
 protected:
  Probes() {
    the_probe = {};
    sender_.end = kKnown | 1000;
  }
  flow_direction sender_{};
};

TEST_F(Probes, AnAckOfAnOldRecoveryEndsNoNewerOne) {
  host_disarm(&the_probe, 100, kKnown | 500);
  host_meanwhile = [] { host_disarm(&the_probe, 400, kKnown | 900); };
  host_take_probe(&the_probe, &sender_, 600);
  EXPECT_EQ(host_meanwhile, nullptr);
  EXPECT_EQ(the_probe.recovery, kKnown | 900);
  host_take_probe(&the_probe, &sender_, 900);
  EXPECT_EQ(the_probe.recovery, 0U);
}

TEST_F(Probes, ARecoveryNeverGetsShorter) {
  host_disarm(&the_probe, 100, kKnown | 500);
  host_disarm(&the_probe, 50, kKnown | 300);
  EXPECT_EQ(the_probe.recovery, kKnown | 500);
  the_probe = {};
  host_meanwhile = [] { host_disarm(&the_probe, 100, kKnown | 500); };
  host_disarm(&the_probe, 50, kKnown | 300);
  EXPECT_EQ(the_probe.recovery, kKnown | 500);
}

TEST_F(Probes, ARecoveryThatBeginsWhileAProbeIsArmedSpoilsIt) {
  host_meanwhile = [] { host_disarm(&the_probe, 100, kKnown | 500); };
  host_arm(&the_probe, 600, 12345);
  EXPECT_EQ(the_probe.word, 0U);
  EXPECT_EQ(host_take_probe(&the_probe, &sender_, 600), 0U);
}

}  // namespace
}  // namespace sonde::test
