#include "identity/cri_socket.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <array>
#include <string_view>
#include <utility>

#include "identity/cri_reply.h"
#include "identity/proto/cri.pb.h"

// The one file that includes gRPC. The service has a stub for any method here, so that both versions of the
// interface, whose messages are the same, need no generated code.
namespace sonde::identity {
namespace {

constexpr std::array<const char*, 2> kVersions{"runtime.v1", "runtime.v1alpha2"};
/// A node may have hundreds of pods with large annotations; kubelet allows as much.
constexpr int kLargestReply = 16 << 20;
constexpr int kLongestReconnectMs = 5000;

grpc::ByteBuffer serialise(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

class CriSocket final : public RuntimeSocket {
 public:
  CriSocket(std::string path, Runtime runtime) : path_(std::move(path)), runtime_(runtime) {}

  Result<std::vector<ContainerRecord>> list(std::chrono::milliseconds timeout) override {
    connect();
    const auto deadline = std::chrono::system_clock::now() + timeout;
    const auto sandboxes = call("ListPodSandbox", cri::ListPodSandboxRequest(), deadline);
    if (!sandboxes) return tl::unexpected<Error>(sandboxes.error());
    const auto containers = call("ListContainers", cri::ListContainersRequest(), deadline);
    if (!containers) return tl::unexpected<Error>(containers.error());
    auto records = parse_cri_lists(*sandboxes, *containers);
    if (!records) return fail(ErrorCode::kInvalid, fmt::format("{}: {}", path_, records.error().message));
    for (ContainerRecord& record : *records) record.runtime = runtime_;
    return records;
  }

  Result<void> complete(ContainerRecord& record, std::chrono::milliseconds timeout) override {
    connect();
    cri::ContainerStatusRequest request;
    request.set_container_id(record.id);
    const auto status = call("ContainerStatus", request, std::chrono::system_clock::now() + timeout);
    if (!status) return tl::unexpected<Error>(status.error());
    return add_cri_status(*status, record);
  }

 private:
  using Deadline = std::chrono::system_clock::time_point;

  void connect() {
    if (stub_) return;
    grpc::ChannelArguments arguments;
    // Go's servers refuse a unix path as an authority.
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnectMs);
    arguments.SetMaxReceiveMessageSize(kLargestReply);
    stub_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateCustomChannel("unix:" + path_, grpc::InsecureChannelCredentials(), arguments));
  }

  Result<std::string> call(std::string_view method, const google::protobuf::MessageLite& request,
                           Deadline deadline) {
    std::string name;
    for (size_t tried = 0; tried < kVersions.size(); ++tried) {
      std::string reply;
      name = fmt::format("/{}.RuntimeService/{}", kVersions[version_], method);
      const grpc::Status status = call_once(name, serialise(request), deadline, reply);
      if (status.ok()) return reply;
      if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
        return fail(ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path_, name, status.error_message()));
      }
      version_ = (version_ + 1) % kVersions.size();
    }
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: it offers no {}, nor another version", path_, name));
  }

  grpc::Status call_once(const std::string& name, const grpc::ByteBuffer& request, Deadline deadline,
                         std::string& reply) {
    grpc::ClientContext context;
    context.set_deadline(deadline);
    grpc::CompletionQueue queue;
    grpc::ByteBuffer bytes;
    grpc::Status status;
    const auto rpc = stub_->PrepareUnaryCall(&context, name, request, &queue);
    rpc->StartCall();
    rpc->Finish(&bytes, &status, this);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
    if (status.ok()) reply = bytes_of(bytes);
    return status;
  }

  std::string path_;
  Runtime runtime_;
  size_t version_ = 0;  ///< index into kVersions: which to try first
  std::unique_ptr<grpc::GenericStub> stub_;
};

}  // namespace

std::unique_ptr<RuntimeSocket> make_cri_socket(const std::string& path, Runtime runtime) {
  return std::make_unique<CriSocket>(path, runtime);
}

}  // namespace sonde::identity
