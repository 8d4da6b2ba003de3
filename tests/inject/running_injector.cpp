#include "tests/inject/running_injector.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

namespace sonde::inject {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Forks and runs the program with stdout and stderr in `output`.
pid_t spawn(const std::vector<std::string>& arguments, const fs::path& output, uid_t user) {
  std::vector<char*> words = {const_cast<char*>(SONDE_INJECT)};
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  if (user != 0 && (setgid(user) != 0 || setuid(user) != 0)) _exit(126);
  execv(SONDE_INJECT, words.data());
  _exit(127);
}

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

fs::path make_folder() {
  std::string pattern = fs::temp_directory_path() / "sonde-inject-XXXXXX";
  return mkdtemp(pattern.data());
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

RunningInjector::RunningInjector(std::vector<std::string> arguments) : folder_(make_folder()) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  arguments.push_back("--state-dir=" + state_folder().string());
  arguments.emplace_back("--web.listen-address=127.0.0.1:0");
  pid_ = spawn(arguments, folder_ / "log", 0);
}

RunningInjector::~RunningInjector() {
  if (testing::Test::HasFailure()) std::fprintf(stderr, "the injector's log:\n%s\n", log().c_str());
  for (const pid_t pid : processes()) kill(pid, SIGKILL);
  if (!status_) wait();
  (void)eventually([&] { return processes().empty(); });
  fs::remove_all(folder_);
}

std::string RunningInjector::log() const {
  return read_text(folder_ / "log");
}

pid_t RunningInjector::pid_in_state(const std::string& key) const {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(state_folder(), none)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("fault-" + std::to_string(pid_) + "-") || !name.ends_with(".state")) continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(key + " ")) return std::stoi(line.substr(key.size() + 1));
    }
  }
  return 0;
}

std::optional<std::string> RunningInjector::get(const std::string& path) const {
  const std::string text = log();
  const auto found = text.find(" port=");
  if (found == std::string::npos) return std::nullopt;
  httplib::Client client("127.0.0.1", std::stoi(text.substr(found + 6)));
  client.set_connection_timeout(5);
  const auto response = client.Get(path);
  if (!response || response->status != 200) return std::nullopt;
  return response->body;
}

test::Exposition RunningInjector::scrape() const {
  const auto body = get("/metrics");
  EXPECT_TRUE(body) << "no answer from /metrics";
  auto page = test::parse_exposition(body.value_or(""));
  EXPECT_TRUE(page) << page.error().message;
  return page.value_or(test::Exposition{});
}

bool RunningInjector::says(const std::string& sentence) const {
  return eventually([&] { return log().find(sentence) != std::string::npos; });
}

void RunningInjector::signal(int number) const {
  kill(pid_, number);
}

void RunningInjector::kill_both() {
  const pid_t watchdog = pid_in_state("watchdog");
  ASSERT_GT(watchdog, 1);
  kill(watchdog, SIGSTOP);
  signal(SIGKILL);
  kill(watchdog, SIGKILL);
  EXPECT_EQ(wait(), -SIGKILL);
}

int RunningInjector::wait() {
  (void)eventually([&] { return is_over(); }, std::chrono::seconds(60));
  if (!status_) {
    ADD_FAILURE() << "the injector does not end";
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    status_ = exit_code(status);
  }
  return *status_;
}

bool RunningInjector::is_over() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) status_ = exit_code(status);
  return status_.has_value();
}

std::set<pid_t> RunningInjector::processes() const {
  // Orphans that have ended are ours to reap; the injector itself is wait()'s.
  for (siginfo_t info{}; waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
       info = {}) {
    if (info.si_pid == pid_) break;
    waitpid(info.si_pid, nullptr, 0);
  }
  std::set<pid_t> found;
  const fs::path program = fs::canonical(SONDE_INJECT);
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code gone;
    if (fs::read_symlink(entry.path() / "exe", gone) != program) continue;
    // Only those of this run, should another injector be at work on the machine.
    if (read_text(entry.path() / "cmdline").find(folder_.string()) != std::string::npos)
      found.insert(std::stoi(name));
  }
  return found;
}

std::pair<std::string, int> run_program(const std::vector<std::string>& arguments, uid_t as_user) {
  const fs::path folder = make_folder();
  int status = 0;
  waitpid(spawn(arguments, folder / "out", as_user), &status, 0);
  std::string text = read_text(folder / "out");
  fs::remove_all(folder);
  return {text, exit_code(status)};
}

}  // namespace sonde::inject
