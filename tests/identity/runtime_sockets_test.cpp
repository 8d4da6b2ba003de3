#include "identity/runtime_sockets.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/clock.h"
#include "identity/cri_socket.h"
#include "tests/identity/scratch_directory.h"
#include "tests/identity/waiting.h"

namespace sonde::identity {
namespace {

using test::wait;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// A runtime without containers that speaks one version of CRI, or none at all as Docker's containerd.
class CriServer final : public grpc::CallbackGenericService {
 public:
  CriServer(const std::string& path, std::string version) : version_(std::move(version)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  CriServer(const CriServer&) = delete;
  CriServer& operator=(const CriServer&) = delete;
  ~CriServer() override { server_->Shutdown(); }

 private:
  /// Answers a call with a message without fields.
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Call(bool known) {
      if (known) {
        StartWriteAndFinish(&empty_, grpc::WriteOptions(), grpc::Status::OK);
      } else {
        Finish({grpc::StatusCode::UNIMPLEMENTED, "unknown service"});
      }
    }
    void OnDone() override { delete this; }

   private:
    grpc::Slice nothing_{""};
    grpc::ByteBuffer empty_{&nothing_, 1};
  };

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Call(context->method().starts_with('/' + version_ + ".RuntimeService/"));
  }

  std::string version_;
  std::unique_ptr<grpc::Server> server_;
};

class RuntimeSockets : public testing::Test {
 protected:
  static constexpr std::chrono::milliseconds kTimeout{10'000};
  static constexpr SocketNames::Timing kTiming{.timeout = kTimeout,
                                               .refresh = std::chrono::milliseconds(20),
                                               .first_retry = std::chrono::milliseconds(1),
                                               .shortest_pause = std::chrono::milliseconds(1)};

  RuntimeSockets() {
    for (const char* const folder : {"containerd", "k3s/containerd"}) {
      std::filesystem::create_directories(scratch_.path() + "/run/" + folder);
    }
  }
  [[nodiscard]] SocketOptions only_cri(const std::string& given = "") const {
    return {.rootfs = scratch_.path(), .cri = given, .docker = "none", .podman = "none"};
  }
  [[nodiscard]] std::string containerd() const { return scratch_.path() + "/run/containerd/containerd.sock"; }
  [[nodiscard]] std::string k3s() const { return scratch_.path() + "/run/k3s/containerd/containerd.sock"; }

  test::ScratchDirectory scratch_;
};

TEST_F(RuntimeSockets, EitherVersionOfCriIsSpokenAlsoAfterOneWithout) {
  const auto socket = make_cri_socket(containerd(), Runtime::kContainerd);
  for (const char* const version : {"runtime.v1alpha2", "runtime.v1", "none", "runtime.v1", "runtime.v1"}) {
    const CriServer runtime(containerd(), version);
    auto records = socket->list(kTimeout);
    for (int i = 0; i < 100 && !records && records.error().code == ErrorCode::kUnavailable; ++i) {
      records = socket->list(kTimeout);  // the connection to the one before is found broken
    }
    if (std::string(version) == "none") {
      ASSERT_FALSE(records);
      EXPECT_EQ(records.error().code, ErrorCode::kUnsupported) << records.error().message;
    } else {
      EXPECT_TRUE(records) << version << ": " << records.error().message;
    }
  }
}

TEST_F(RuntimeSockets, ARuntimeThatComesLaterIsAskedAndMissedWhenItGoes) {
  const auto sources = make_socket_sources(only_cri(), kTiming);
  ASSERT_THAT(sources, SizeIs(1));
  const ContainerCgroup cgroup{.id = std::string(64, 'a')};
  wait([&] { return sources[0]->find(cgroup).state == NameAnswer::State::kUnknown; });
  EXPECT_FALSE(sources[0]->present()) << "who is not there is not down";
  {
    const CriServer runtime(containerd(), "runtime.v1");
    wait([&] { return sources[0]->up(); });
    EXPECT_TRUE(sources[0]->present());
  }
  std::filesystem::remove(containerd());
  wait([&] { return !sources[0]->up(); });
  EXPECT_TRUE(sources[0]->present()) << "it was there";
}

TEST_F(RuntimeSockets, AContainerdWithoutCriIsNotDownAndHidesNoOther) {
  const CriServer of_docker(containerd(), "none");
  const auto sources = make_socket_sources(only_cri(), kTiming);
  const ContainerCgroup cgroup{.id = std::string(64, 'a')};
  wait([&] { return sources[0]->find(cgroup).state == NameAnswer::State::kUnknown; });
  EXPECT_FALSE(sources[0]->present());
  const CriServer second(k3s(), "runtime.v1");
  wait([&] { return sources[0]->up(); });
}

TEST_F(RuntimeSockets, ASocketThatSomebodyNamedIsDownWhereItIsNotThereOrOffersNoCri) {
  const auto sources = make_socket_sources(only_cri(containerd()), kTiming);
  wait([&] { return sources[0]->present(); });
  EXPECT_FALSE(sources[0]->up());
  const CriServer of_docker(k3s(), "none");
  const auto others = make_socket_sources(only_cri(k3s()), kTiming);
  wait([&] { return others[0]->present(); });
  EXPECT_FALSE(others[0]->up());
}

TEST_F(RuntimeSockets, TheirPathsAreThoseGivenThoseThereAndThoseAwaited) {
  const CriServer runtime(k3s(), "runtime.v1");
  SocketOptions options = only_cri();
  options.podman = "/given";
  const SocketPaths paths = socket_paths(options);
  EXPECT_THAT(paths.asked, ElementsAre(k3s(), "/given"));
  EXPECT_THAT(paths.awaited, ElementsAre(containerd(), scratch_.path() + "/run/crio/crio.sock"));
  options.cri = "none";
  EXPECT_THAT(socket_paths(options).awaited, IsEmpty());
}

}  // namespace
}  // namespace sonde::identity
