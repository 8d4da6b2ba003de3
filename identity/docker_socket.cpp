#include "identity/docker_socket.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "common/clock.h"

namespace sonde::identity {
namespace {

constexpr size_t kLargestReply = size_t{16} << 20U;

/// httplib's client over a unix socket, which it does not know itself.
class UnixClient final : public httplib::ClientImpl {
 public:
  explicit UnixClient(std::string path) : ClientImpl("localhost"), path_(std::move(path)) {}

 private:
  bool create_and_connect_socket(Socket& connection, httplib::Error& error) override {
    error = httplib::Error::Connection;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) return false;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return false;
    if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      close(descriptor);
      return false;
    }
    connection.sock = descriptor;
    error = httplib::Error::Success;
    return true;
  }

  std::string path_;
};

class DockerSocket final : public RuntimeSocket {
 public:
  DockerSocket(std::string path, Runtime runtime) : path_(std::move(path)), runtime_(runtime) {}

  Result<std::vector<ContainerRecord>> list(std::chrono::milliseconds timeout) override {
    const auto reply = get("/containers/json", timeout);
    if (!reply) return tl::unexpected<Error>(reply.error());
    auto records = parse_docker_list(*reply);
    if (!records) return fail(ErrorCode::kInvalid, fmt::format("{}: {}", path_, records.error().message));
    for (ContainerRecord& record : *records) record.runtime = runtime_;
    return records;
  }

  Result<void> complete(ContainerRecord& record, std::chrono::milliseconds timeout) override {
    const auto reply = get("/containers/" + record.id + "/json", timeout);
    if (!reply) return tl::unexpected<Error>(reply.error());
    return add_docker_details(*reply, record);
  }

 private:
  Result<std::string> get(const std::string& target, std::chrono::milliseconds timeout) {
    UnixClient client(path_);
    client.set_read_timeout(timeout);
    client.set_write_timeout(timeout);
    const SteadyTime deadline = SteadyClock::now() + timeout;
    std::string reply;
    const auto result = client.Get(target, [&](const char* data, size_t size) {
      if (reply.size() + size > kLargestReply || SteadyClock::now() > deadline) return false;
      reply.append(data, size);
      return true;
    });
    if (!result) {
      return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", path_, httplib::to_string(result.error())));
    }
    if (result->status != 200) {
      return fail(ErrorCode::kUnavailable, fmt::format("{}: HTTP status {}", path_, result->status));
    }
    return reply;
  }

  std::string path_;
  Runtime runtime_;
};

}  // namespace

std::unique_ptr<RuntimeSocket> make_docker_socket(const std::string& path, Runtime runtime) {
  return std::make_unique<DockerSocket>(path, runtime);
}

}  // namespace sonde::identity
