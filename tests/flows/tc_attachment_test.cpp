#include "exporter/flows/tc_attachment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "tests/flows/support/counting_programs.h"
#include "tests/flows/support/namespaces.h"

namespace sonde::test {
namespace {

using exporter::TcAttacher;
using exporter::TcMeans;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A veth pair in a network namespace of the test alone.
class TcAttachmentTest : public testing::Test {
 protected:
  TcAttachmentTest() {
    enter_new_namespace();
    run("ip link add veth0 type veth peer name veth1 && ip link set veth0 up && ip link set veth1 up");
    interface_ = if_nametoindex("veth0");
  }

  static std::unique_ptr<TcAttacher> open(TcMeans means) {
    auto attacher = TcAttacher::open(means);
    EXPECT_TRUE(attacher) << attacher.error().message;
    return std::move(*attacher);
  }
  exporter::TcAttachment attach(TcAttacher& attacher, Direction direction) {
    auto attached = attacher.attach(interface_, direction, programs_.descriptors().from_container, "test");
    EXPECT_TRUE(attached) << attached.error().message;
    return std::move(*attached);
  }
  /// Attaches both directions in another process and kills that.
  void attach_and_be_killed(TcMeans means) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto attacher = TcAttacher::open(means);
      auto in = (*attacher)->attach(interface_, Direction::kIngress, programs_.descriptors().from_container,
                                    "test");
      auto out =
          (*attacher)->attach(interface_, Direction::kEgress, programs_.descriptors().to_container, "test");
      const char good = in && out ? 'y' : 'n';
      if (::write(ready[1], &good, 1) == 1) ::pause();
      ::_exit(1);
    }
    char good = 'n';
    ASSERT_EQ(::read(ready[0], &good, 1), 1);
    ASSERT_EQ(good, 'y');
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  static std::string filters() {
    return output_of("tc filter show dev veth0 ingress") + output_of("tc filter show dev veth0 egress");
  }
  static std::string qdiscs() { return output_of("tc qdisc show dev veth0"); }

  CountingPrograms programs_;
  uint32_t interface_ = 0;
};

TEST_F(TcAttachmentTest, AFilterHasANameAndGoesWithItsQdisc) {
  const auto attacher = open(TcMeans::kClsact);
  {
    const auto in = attach(*attacher, Direction::kIngress);
    const auto out = attach(*attacher, Direction::kEgress);
    EXPECT_THAT(output_of("tc filter show dev veth0 ingress"), HasSubstr("sonde_test:"));
    EXPECT_THAT(output_of("tc filter show dev veth0 egress"), HasSubstr("sonde_test:"));
    EXPECT_THAT(filters(), HasSubstr("direct-action"));
    EXPECT_THAT(qdiscs(), HasSubstr("clsact"));
  }
  EXPECT_THAT(qdiscs(), Not(HasSubstr("clsact")));
}

TEST_F(TcAttachmentTest, WhatOthersMadeStays) {
  run("tc qdisc add dev veth0 clsact");
  const auto attacher = open(TcMeans::kClsact);
  {
    const auto in = attach(*attacher, Direction::kIngress);
  }
  EXPECT_THAT(filters(), IsEmpty());
  EXPECT_THAT(qdiscs(), HasSubstr("clsact"));
  run("tc qdisc del dev veth0 clsact");

  {
    const auto in = attach(*attacher, Direction::kIngress);
    run("tc filter add dev veth0 egress protocol ip u32 match ip dst 10.9.9.9 classid 1:1");
  }
  EXPECT_THAT(filters(), Not(HasSubstr("sonde_")));
  EXPECT_THAT(filters(), HasSubstr("u32"));
}

TEST_F(TcAttachmentTest, AFilterThatSomebodyDeletedHoldsNoMore) {
  const auto attacher = open(TcMeans::kClsact);
  const auto in = attach(*attacher, Direction::kIngress);
  const auto out = attach(*attacher, Direction::kEgress);
  attacher->look();
  EXPECT_TRUE(in.holds() && out.holds());
  run("tc filter del dev veth0 ingress");
  attacher->look();
  EXPECT_FALSE(in.holds());
  EXPECT_TRUE(out.holds());
  run("tc qdisc del dev veth0 clsact");
  attacher->look();
  EXPECT_FALSE(out.holds());
}

TEST_F(TcAttachmentTest, AFilterThatMayTakePacketsInFrontIsTold) {
  const auto attacher = open(TcMeans::kClsact);
  {
    const auto in = attach(*attacher, Direction::kIngress);
    run("tc filter add dev veth0 ingress prio 48 bpf da bytecode '1,6 0 0 0'");
    run("tc filter add dev veth0 ingress prio 2 bpf classid 1:1 bytecode '1,6 0 0 0'");
    attacher->look();
    EXPECT_EQ(attacher->hidden(), 0U) << "one is behind, one takes nothing";
    run("tc filter add dev veth0 ingress prio 1 bpf da bytecode '1,6 0 0 0'");
    attacher->look();
    EXPECT_EQ(attacher->hidden(), 1U);
  }
  EXPECT_EQ(attacher->hidden(), 0U) << "nothing is behind it any more";
  const auto again = attach(*attacher, Direction::kIngress);
  EXPECT_EQ(attacher->hidden(), 1U) << "it was there before";
}

TEST_F(TcAttachmentTest, FiltersOfAKilledOwnerAreRemovedAtTheNextStart) {
  attach_and_be_killed(TcMeans::kClsact);
  EXPECT_THAT(filters(), HasSubstr("sonde_test:"));
  for (const TcMeans means : {TcMeans::kClsact, TcMeans::kTcx}) {
    const auto attacher = open(means);
    EXPECT_EQ(attacher->stale_removed(), 2U);
    EXPECT_THAT(qdiscs(), Not(HasSubstr("clsact")));
    if (means == TcMeans::kClsact) attach_and_be_killed(TcMeans::kClsact);
  }
}

TEST_F(TcAttachmentTest, OfAKilledOwnerOthersFiltersAndQdiscsStay) {
  attach_and_be_killed(TcMeans::kClsact);
  run("tc filter add dev veth0 egress protocol ip u32 match ip dst 10.9.9.9 classid 1:1");
  EXPECT_EQ(open(TcMeans::kClsact)->stale_removed(), 2U);
  EXPECT_THAT(filters(), Not(HasSubstr("sonde_")));
  EXPECT_THAT(filters(), HasSubstr("u32"));
}

TEST_F(TcAttachmentTest, FiltersOfAnOwnerWhoLivesAreLeftAlone) {
  const auto one = open(TcMeans::kClsact);
  const auto in = attach(*one, Direction::kIngress);
  const auto other = open(TcMeans::kClsact);
  EXPECT_EQ(other->stale_removed(), 0U);
  {
    const auto beside = attach(*other, Direction::kIngress);
  }
  EXPECT_THAT(filters(), HasSubstr("sonde_test:"));
  EXPECT_THAT(qdiscs(), HasSubstr("clsact"));
}

TEST_F(TcAttachmentTest, ALinkGoesWithItsProcess) {
  run("ip addr add 10.0.1.1/24 dev veth0 && ip neigh add 10.0.1.2 lladdr 02:00:00:00:00:01 dev veth0");
  {
    const auto attacher = open(TcMeans::kTcx);
    const auto out = attach(*attacher, Direction::kEgress);
    send_datagrams("10.0.1.2", 23);
    EXPECT_EQ(programs_.sent(interface_), 23U);
  }
  attach_and_be_killed(TcMeans::kTcx);
  send_datagrams("10.0.1.2", 5);
  EXPECT_EQ(programs_.received(interface_) + programs_.sent(interface_), 23U);
  EXPECT_EQ(open(TcMeans::kBest)->stale_removed(), 0U);
}

TEST_F(TcAttachmentTest, ALinkKnowsThatItsInterfaceHasGone) {
  const auto attacher = open(TcMeans::kTcx);
  const auto in = attach(*attacher, Direction::kIngress);
  EXPECT_TRUE(in.holds());
  run("ip link del veth0");
  EXPECT_FALSE(in.holds());
}

TEST_F(TcAttachmentTest, AnInterfaceThatIsGoneIsNotFound) {
  for (const TcMeans means : {TcMeans::kTcx, TcMeans::kClsact}) {
    const auto attacher = open(means);
    const auto attached =
        attacher->attach(0x7ffffff, Direction::kIngress, programs_.descriptors().from_container, "test");
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, ErrorCode::kNotFound) << attached.error().message;
  }
}

TEST_F(TcAttachmentTest, TheBestMeansIsALinkHere) {
  EXPECT_EQ(open(TcMeans::kBest)->means(), TcMeans::kTcx);
}

/// Run on an older kernel by tests/kernels.
TEST_F(TcAttachmentTest, TheOnlyMeansBeforeLinux66AreFilters) {
  utsname kernel{};
  int major = 0;
  int minor = 0;
  ASSERT_EQ(::uname(&kernel), 0);
  ASSERT_EQ(std::sscanf(kernel.release, "%d.%d", &major, &minor), 2);
  const auto attacher = TcAttacher::open(TcMeans::kTcx);
  if (std::pair(major, minor) >= std::pair(6, 6)) {
    EXPECT_TRUE(attacher);
    return;
  }
  ASSERT_FALSE(attacher);
  EXPECT_EQ(attacher.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(open(TcMeans::kBest)->means(), TcMeans::kClsact);
}

}  // namespace
}  // namespace sonde::test
