// Passwords: the header, bcrypt, what is remembered, and how many wait.

#include <gtest/gtest.h>

#include <thread>

#include "common/http/access/bcrypt.h"
#include "common/http/access/credentials.h"
#include "common/http/access/password_check.h"
#include "common/http/access/recent_keys.h"
#include "common/http/access/token_bucket.h"
#include "common/http/access/waiting_places.h"

namespace sonde::http {
namespace {

using Verdict = PasswordCheck::Verdict;

// "U*U", from the test vectors of John the Ripper and OpenBSD; "fakepassword", from exporter-toolkit.
const std::string kFive = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const std::string kTen = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

TEST(Bcrypt, KnownHashesMatchTheirPasswordsAlone) {
  EXPECT_TRUE(bcrypt_matches("U*U", kFive));
  EXPECT_TRUE(bcrypt_matches("fakepassword", kTen));
  EXPECT_TRUE(bcrypt_matches("U*U", "$2b$" + kFive.substr(4)));
  EXPECT_TRUE(bcrypt_matches("U*U", "$2y$" + kFive.substr(4)));
  for (const std::string& wrong : {std::string(), std::string("U*"), std::string("U*U*"), std::string("u*u"),
                                   std::string("U*U\0", 4), std::string("U*U\0U", 5), std::string("\0", 1)}) {
    EXPECT_FALSE(bcrypt_matches(wrong, kFive)) << wrong;
  }
}

TEST(Bcrypt, HashesAreTold) {
  EXPECT_TRUE(is_bcrypt_hash(kFive));
  EXPECT_EQ(bcrypt_cost(kFive), 5U);
  EXPECT_EQ(bcrypt_cost(kTen), 10U);
  for (const std::string& wrong :
       {std::string(), std::string("$2y$"), kFive.substr(1), kFive + "a", "$2$" + kFive.substr(3)}) {
    EXPECT_FALSE(is_bcrypt_hash(wrong)) << wrong;
  }
}

TEST(Credentials, AreReadFromTheHeader) {
  const auto alice = parse_credentials("Basic YWxpY2U6b3BlbiBzZXNhbWU=");
  ASSERT_TRUE(alice);
  EXPECT_EQ(alice->user, "alice");
  EXPECT_EQ(alice->password, "open sesame");
  EXPECT_TRUE(parse_credentials("basic   YWxpY2U6b3BlbiBzZXNhbWU="));
  const auto colons = parse_credentials("Basic YTpiOmM=");  // a:b:c
  ASSERT_TRUE(colons);
  EXPECT_EQ(colons->user, "a");
  EXPECT_EQ(colons->password, "b:c");
  EXPECT_EQ(parse_credentials("Basic Og==")->user, "");  // ":"
}

TEST(Credentials, WhatIsNoneIsNothing) {
  for (const char* wrong : {"", "Basic", "Basic ", "Bearer YWxpY2U6", "Basic YWxpY2U", "Basic YWx=Y2U6",
                            "Basic ====", "Basic YWxpY2U6 ", "Basic YWxp\tY2U6",
                            "Basic YWxpY2U=", "BasicYWxpY2U6", "Basic Y==="}) {
    EXPECT_FALSE(parse_credentials(wrong)) << wrong;
  }
}

VerdictKey key(uint8_t n) {
  VerdictKey made{};
  made.back() = n;
  return made;
}

TEST(RecentKeys, TheOneNotUsedForLongestGoes) {
  RecentKeys keys(3);
  for (uint8_t i = 1; i <= 3; ++i) keys.add(key(i));
  EXPECT_TRUE(keys.holds(key(1)));
  keys.add(key(4));
  EXPECT_FALSE(keys.holds(key(2)));
  EXPECT_TRUE(keys.holds(key(1)));
  keys.add(key(1));
  EXPECT_EQ(keys.size(), 3U);
}

TEST(WaitingPlaces, AreBoundedInAllAndOfOneAddress) {
  WaitingPlaces places(3, 2);
  using Place = WaitingPlaces::Place;
  const Place first(places, "a");
  {
    const Place second(places, "a");
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(Place(places, "a"));
    const Place third(places, "b");
    EXPECT_TRUE(third);
    EXPECT_FALSE(Place(places, "c"));
  }
  EXPECT_TRUE(Place(places, "a"));
  EXPECT_TRUE(Place(places, "c"));
}

TEST(TokenBucket, LetsABurstThroughAndThenOneEachInterval) {
  TokenBucket bucket;
  const RateLimit limit{std::chrono::milliseconds(100), 3};
  SteadyTime now = SteadyClock::now();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(limit, now));
  EXPECT_FALSE(bucket.take(limit, now));
  now += std::chrono::milliseconds(50);
  EXPECT_FALSE(bucket.take(limit, now));
  now += std::chrono::milliseconds(51);
  EXPECT_TRUE(bucket.take(limit, now));
  EXPECT_FALSE(bucket.take(limit, now));
  now += std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(limit, now));
  EXPECT_FALSE(bucket.take(limit, now)) << "never more than the burst";
  EXPECT_TRUE(bucket.take({}, now)) << "no limit";
}

const std::map<std::string, std::string> kUsers = {{"alice", kFive}};

TEST(PasswordCheck, EachPasswordIsWorkedOutOnce) {
  PasswordCheck check;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(check.check(kUsers, {"alice", "U*U"}, "1.1.1.1"), Verdict::kRight);
    EXPECT_EQ(check.check(kUsers, {"alice", "wrong"}, "1.1.1.1"), Verdict::kWrong);
  }
  EXPECT_EQ(check.evaluations(), 2U);
}

TEST(PasswordCheck, AnUnknownUserCostsABcryptToo) {
  PasswordCheck check;
  EXPECT_EQ(check.check(kUsers, {"mallory", "U*U"}, "1.1.1.1"), Verdict::kWrong);
  EXPECT_EQ(check.evaluations(), 1U);
  EXPECT_EQ(check.check(kUsers, {"mallory", "U*U"}, "1.1.1.1"), Verdict::kWrong);
  EXPECT_EQ(check.evaluations(), 1U);
  EXPECT_EQ(check.check(kUsers, {"", ""}, "1.1.1.1"), Verdict::kWrong);
  EXPECT_EQ(check.evaluations(), 2U);
}

TEST(PasswordCheck, ANewHashIsANewQuestion) {
  PasswordCheck check;
  EXPECT_EQ(check.check(kUsers, {"alice", "U*U"}, "1.1.1.1"), Verdict::kRight);
  std::map<std::string, std::string> changed = {{"alice", kFive.substr(0, 59) + "X"}};
  EXPECT_EQ(check.check(changed, {"alice", "U*U"}, "1.1.1.1"), Verdict::kWrong);
  changed = {{"bob", kFive}};
  EXPECT_EQ(check.check(changed, {"alice", "U*U"}, "1.1.1.1"), Verdict::kWrong);
}

TEST(PasswordCheck, GuessesAreForgottenAndPushNoRightPasswordOut) {
  const std::map<std::string, std::string> cheap = {{"alice", "$2y$04$" + kFive.substr(7)}};
  std::map<std::string, std::string> users = cheap;
  users["bob"] = kFive;
  PasswordCheck check;
  EXPECT_EQ(check.check(users, {"bob", "U*U"}, "1.1.1.1"), Verdict::kRight);
  const size_t guesses = PasswordCheck::kWrongRemembered + 50;
  for (size_t i = 0; i < guesses; ++i) {
    EXPECT_EQ(check.check(cheap, {"alice", std::to_string(i)}, "6.6.6.6"), Verdict::kWrong);
  }
  EXPECT_EQ(check.remembered(), PasswordCheck::kWrongRemembered + 1);
  EXPECT_EQ(check.evaluations(), guesses + 1);
  EXPECT_EQ(check.check(users, {"bob", "U*U"}, "1.1.1.1"), Verdict::kRight);
  EXPECT_EQ(check.evaluations(), guesses + 1) << "bob is still remembered";
}

TEST(PasswordCheck, AFloodIsWorkedOffOneByOneAndTheRestIsTurnedAway) {
  PasswordCheck check;
  std::atomic<uint64_t> wrong{0};
  std::atomic<uint64_t> busy{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 20; ++i) {
      clients.emplace_back([&, i] {
        const Verdict verdict = check.check(kUsers, {"alice", std::to_string(i)}, "6.6.6.6");
        ++(verdict == Verdict::kBusy ? busy : wrong);
        EXPECT_NE(verdict, Verdict::kRight);
      });
    }
  }
  EXPECT_EQ(wrong + busy, 20U);
  EXPECT_EQ(check.evaluations(), wrong) << "what was turned away cost nothing";
}

TEST(PasswordCheck, ManyConnectionsOfOneClientNeedOneBcrypt) {
  PasswordCheck check;
  std::vector<std::jthread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(
        [&] { EXPECT_EQ(check.check(kUsers, {"alice", "U*U"}, "1.1.1.1"), Verdict::kRight); });
  }
  clients.clear();
  EXPECT_EQ(check.evaluations(), 1U);
}

}  // namespace
}  // namespace sonde::http
