#include "inject/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::inject {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Shape::Flags flags(const std::string& shape) {
  Shape::Flags flags;
  flags.shape = shape;
  return flags;
}

TEST(Shape, IsConstantUnlessAskedFor) {
  const Shape shape = Shape::read({}, 30s, Levels::kOne).value();
  EXPECT_TRUE(shape.is_constant());
  EXPECT_EQ(shape.level(0ms), 1);
  EXPECT_EQ(shape.next_change(5s), Shape::Time::max());
  EXPECT_EQ(shape.provable_after(), 0ms);
}

TEST(Shape, RampsOverTheWholeDurationOrAsLongAsAskedFor) {
  const Shape whole = Shape::read(flags("ramp"), 40s, Levels::kAny).value();
  EXPECT_EQ(whole.level(0ms), 0);
  EXPECT_DOUBLE_EQ(whole.level(10s), 0.25);
  EXPECT_EQ(whole.level(40s), 1);
  EXPECT_EQ(whole.provable_after(), 4s);
  Shape::Flags short_flags = flags("ramp");
  short_flags.ramp = "10s";
  const Shape ramp = Shape::read(short_flags, 40s, Levels::kAny).value();
  EXPECT_EQ(ramp.level(10s), 1);
  EXPECT_EQ(ramp.level(30s), 1);
  EXPECT_EQ(ramp.next_change(2s), 2100ms);
  EXPECT_EQ(ramp.next_change(9950ms), 10s);
  EXPECT_EQ(ramp.next_change(10s), Shape::Time::max());
}

TEST(Shape, FlapsOnFirst) {
  Shape::Flags flap = flags("flapping");
  flap.period = "10s";
  flap.on_share = "0.3";
  const Shape shape = Shape::read(flap, 60s, Levels::kOnOff).value();
  EXPECT_EQ(shape.level(0ms), 1);
  EXPECT_EQ(shape.next_change(0ms), 3s);
  EXPECT_EQ(shape.level(3s), 0);
  EXPECT_EQ(shape.next_change(3s), 10s);
  EXPECT_EQ(shape.level(10s), 1);
  EXPECT_EQ(shape.next_change(12s), 13s);
}

TEST(Shape, IsRefusedWithFlagValueAndRemedy) {
  const auto refusal = [](const Shape::Flags& flags, Levels levels) {
    const auto shape = Shape::read(flags, 30s, levels);
    return shape ? std::string() : shape.error().message;
  };
  EXPECT_THAT(refusal(flags("square"), Levels::kAny), HasSubstr("--shape=square: use constant"));
  EXPECT_THAT(refusal(flags("flapping"), Levels::kOne), HasSubstr("--shape=flapping"));
  EXPECT_THAT(refusal(flags("ramp"), Levels::kOnOff), HasSubstr("use constant or flapping"));
  for (const char* time : {"", "soon", "0s", "999ms", "25h"}) {
    Shape::Flags wrong = flags("flapping");
    wrong.period = time;
    EXPECT_THAT(refusal(wrong, Levels::kAny), HasSubstr("--period=")) << time;
  }
  for (const char* share : {"0", "1", "nan", "x", ""}) {
    Shape::Flags wrong = flags("flapping");
    wrong.on_share = share;
    EXPECT_THAT(refusal(wrong, Levels::kAny), HasSubstr("--on-share=")) << share;
  }
  Shape::Flags wrong = flags("ramp");
  wrong.ramp = "1";
  EXPECT_THAT(refusal(wrong, Levels::kAny), HasSubstr("--ramp=1:"));
}

}  // namespace
}  // namespace sonde::inject
