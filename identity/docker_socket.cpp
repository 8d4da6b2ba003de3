#include "identity/docker_socket.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <utility>

namespace sonde::identity {
namespace {

constexpr size_t kLargestReply = size_t{16} << 20U;

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};

size_t append(const char* data, size_t size, size_t count, void* text) {
  auto& reply = *static_cast<std::string*>(text);
  if (reply.size() + size * count > kLargestReply) return 0;
  reply.append(data, size * count);
  return size * count;
}

class DockerSocket final : public RuntimeSocket {
 public:
  DockerSocket(std::string path, Runtime runtime) : path_(std::move(path)), runtime_(runtime) {}

  Result<std::vector<ContainerRecord>> list(std::chrono::milliseconds timeout) override {
    const auto reply = get("/containers/json?all=0", timeout);
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
    const std::unique_ptr<CURL, FreeCurl> curl(curl_easy_init());
    const std::string url = "http://localhost" + target;
    std::string reply;
    curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, path_.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply);
    const CURLcode done = curl_easy_perform(curl.get());
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (done != CURLE_OK) {
      return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", path_, curl_easy_strerror(done)));
    }
    if (status != 200) return fail(ErrorCode::kUnavailable, fmt::format("{}: HTTP status {}", path_, status));
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
