// Pages, methods, connections and the end of a server.

#include "common/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <future>
#include <thread>

#include "tests/http/raw_client.h"

namespace sonde::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kGetHealth = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n";

TEST(Server, SaysThatItIsHealthyAndReady) {
  TestServer test;
  test.start();
  EXPECT_EQ(get(test.port(), "/-/healthy")->body, "sonde-test is healthy\n");
  EXPECT_EQ(get(test.port(), "/-/ready")->status, 200);
}

TEST(Server, WhatIsNotReadySaysWhy) {
  TestServer test;
  test.server.set_ready_check([] { return "no sample was read yet"; });
  test.start();
  const auto answer = get(test.port(), "/-/ready");
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "no sample was read yet\n");
  EXPECT_EQ(get(test.port(), "/-/healthy")->status, 200);
}

TEST(Server, LandingPageNamesTheProgramAndLinksWhatHasADescription) {
  TestServer test;
  test.server.get("/diagnose", [](const Request&) { return Response{}; }, "what is \"wrong\" & where",
                  {{"time", "a <past> time"}});
  test.server.get("/hidden", [](const Request&) { return Response{}; });
  test.start();
  const auto answer = get(test.port(), "/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(answer->body, HasSubstr("<h1>sonde-test</h1>"));
  EXPECT_THAT(answer->body, HasSubstr("Serves &lt;tests&gt; &amp; nothing else."));
  EXPECT_THAT(answer->body, HasSubstr("<a href=\"/metrics\">/metrics</a>"));
  EXPECT_THAT(answer->body,
              HasSubstr("<a href=\"/diagnose\">/diagnose</a> what is &quot;wrong&quot; &amp; where"));
  EXPECT_THAT(answer->body, HasSubstr("<li><code>time=</code> a &lt;past&gt; time</li>"));
  EXPECT_THAT(answer->body, Not(HasSubstr("/hidden")));
}

TEST(Server, HeadHasTheLengthAndNoBody) {
  TestServer test;
  test.start();
  RawClient client(test.port());
  client.send("HEAD /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n" + kGetHealth + "\r\n");
  const auto head = client.read_answer(true);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->headers.at("content-length"), "22");
  EXPECT_EQ(client.read_answer()->body, "sonde-test is healthy\n") << "the next answer follows at once";
}

TEST(Server, AnUnknownPathIs404WithOneLine) {
  TestServer test;
  test.start();
  for (const char* path : {"/nope", "/metrics/", "/-/", "//", "/%2e%2e/etc/passwd", "/metrics%00"}) {
    const auto answer = get(test.port(), path);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 404) << path;
    EXPECT_EQ(answer->body, "no such page; / lists the pages there are\n");
  }
}

TEST(Server, AnotherMethodIs405WithTheMethodsThereAre) {
  TestServer test;
  test.server.post("/-/reload", [](const Request&) { return Response{}; });
  test.start();
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT"}) {
    RawClient client(test.port());
    client.send(method + " /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << method;
    EXPECT_EQ(answer->status, 405) << method;
    EXPECT_EQ(answer->headers.at("allow"), "GET, HEAD");
    EXPECT_EQ(answer->body, "this page takes GET only\n");
  }
  const auto answer = get(test.port(), "/-/reload");
  EXPECT_EQ(answer->status, 405);
  EXPECT_EQ(answer->headers.at("allow"), "POST");
}

TEST(Server, AHandlerSeesTheRequest) {
  TestServer test;
  Request seen;
  test.server.post("/in", [&](const Request& request) {
    seen = request;
    return Response{};
  });
  test.start();
  RawClient client(test.port());
  client.send(
      "POST /%69n?a=1+2&b=%41&a=3 HTTP/1.1\r\nHost: x\r\nX-Twice: 1\r\nx-twice: 2\r\nContent-Type: "
      "application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nc=4");
  ASSERT_TRUE(client.read_answer());
  test.server.stop();
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/in");
  EXPECT_EQ(seen.parameters.count("a"), 2U);
  EXPECT_EQ(seen.parameter("b"), "A");
  EXPECT_EQ(seen.parameter("c"), "") << "parameters are of the query string only";
  EXPECT_EQ(seen.header("x-twice"), "2");
  EXPECT_EQ(seen.body, "c=4");
  EXPECT_EQ(seen.remote_address, "127.0.0.1");
}

TEST(Server, ABodyAfterExpectContinueArrives) {
  TestServer test;
  test.server.post("/in", [](const Request& request) {
    Response response;
    response.body = request.body;
    return response;
  });
  test.start();
  RawClient client(test.port());
  client.send("POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  std::string interim(25, '\0');
  ASSERT_EQ(::recv(client.socket(), interim.data(), interim.size(), MSG_WAITALL), 25);
  EXPECT_EQ(interim, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(client.read_answer()->body, "body");
}

TEST(Server, AConnectionServesManyRequestsAlsoWhenTheyComeAllAtOnce) {
  TestServer test;
  test.start();
  RawClient client(test.port());
  for (int i = 0; i < 3; ++i) {
    client.send(kGetHealth + "\r\n");
    ASSERT_TRUE(client.read_answer());
  }
  std::string all;
  for (int i = 0; i < 50; ++i) all += kGetHealth + "\r\n";
  client.send(all);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(client.read_answer()) << i;
}

TEST(Server, AConnectionEndsWhereTheClientWantsIt) {
  TestServer test;
  test.start();
  RawClient closing(test.port());
  closing.send(kGetHealth + "Connection: close\r\n\r\n");
  EXPECT_EQ(closing.read_answer()->headers.at("connection"), "close");
  EXPECT_TRUE(closing.hangs_up());
  RawClient old(test.port());
  old.send("GET /-/healthy HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.read_answer()->status, 200);
  EXPECT_TRUE(old.hangs_up());
}

TEST(Server, AConnectionEndsAfterAThousandRequests) {
  TestServer test;
  test.start();
  RawClient client(test.port());
  int served = 0;
  std::string last;
  while (served < 2000) {
    client.send(kGetHealth + "\r\n");
    const auto answer = client.read_answer();
    if (!answer) break;
    ++served;
    last = answer->headers.contains("connection") ? answer->headers.at("connection") : "";
  }
  EXPECT_EQ(served, 1000);
  EXPECT_EQ(last, "close");
}

TEST(Server, AHandlersExceptionIsA500ThatTellsNothing) {
  TestServer test;
  test.server.get("/throw", [](const Request&) -> Response { throw std::runtime_error("secret"); });
  test.start();
  const auto answer = get(test.port(), "/throw");
  EXPECT_EQ(answer->status, 500);
  EXPECT_THAT(answer->body, Not(HasSubstr("secret")));
  for (const auto& [name, value] : answer->headers) EXPECT_THAT(value, Not(HasSubstr("secret"))) << name;
}

TEST(Server, AHandlersHeaderCannotBreakIntoTheAnswer) {
  TestServer test;
  test.server.get("/echo", [](const Request& request) {
    Response response;
    response.headers["X-Echo"] = request.parameter("v");
    response.content_type = request.parameter("v");
    return response;
  });
  test.start();
  const auto answer = get(test.port(), "/echo?v=a%0d%0aSet-Cookie:%20b");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_FALSE(answer->headers.contains("set-cookie"));
  EXPECT_FALSE(answer->headers.contains("x-echo"));
}

TEST(Server, ListensOnSeveralAddresses) {
  WebOptions options;
  options.listen_addresses = {"127.0.0.1:0", "localhost:0", ":0"};
  TestServer test(options);
  test.start();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(get(test.server.port(i), "/-/healthy")->status, 200) << i;
  EXPECT_NE(test.server.port(0), test.server.port(1));
}

TEST(Server, AnAddressThatIsTakenOrWrongEndsTheStartWithOneError) {
  TestServer first;
  first.start();
  WebOptions options;
  options.listen_addresses = {"127.0.0.1:0", "127.0.0.1:" + std::to_string(first.port())};
  TestServer second(options);
  const auto started = second.server.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("another program listens there"));
  options.listen_addresses = {"9756"};
  EXPECT_THAT(TestServer(options).server.start().error().message,
              HasSubstr("--web.listen-address=9756: it has no port"));
}

TEST(Server, WhatIsBoundHoldsItsPortAndAnswersOnceItServes) {
  TestServer test;
  ASSERT_TRUE(test.server.bind());
  WebOptions options;
  options.listen_addresses = {"127.0.0.1:" + std::to_string(test.port())};
  const auto second = TestServer(options).server.bind();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another program listens there"));

  RawClient early(test.port());
  early.send(kGetHealth + "Connection: close\r\n\r\n");
  test.start();
  EXPECT_EQ(early.read_answer()->status, 200);
}

TEST(Server, StopsWhileClientsHang) {
  TestServer test;
  test.server.get("/large", [](const Request&) {
    Response response;
    response.body.assign(12UL * 1024 * 1024, 'x');
    return response;
  });
  test.start();
  const RawClient silent(test.port());
  RawClient halfway(test.port());
  halfway.send("GET /metrics HT");
  RawClient never_reads(test.port());
  never_reads.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  RawClient keeps_alive(test.port());
  keeps_alive.send(kGetHealth + "\r\n");
  ASSERT_TRUE(keeps_alive.read_answer());
  test.server.stop();  // if it hung, the test's time would run out
  EXPECT_TRUE(keeps_alive.hangs_up());
  test.server.stop();
}

TEST(Server, StopLetsARunningHandlerFinishAndSend) {
  TestServer test;
  std::promise<void> entered;
  std::promise<void> leave;
  test.server.get("/slow", [&](const Request&) {
    entered.set_value();
    leave.get_future().wait();
    Response response;
    response.body = "done";
    return response;
  });
  test.start();
  RawClient client(test.port());
  client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  entered.get_future().wait();
  std::thread stopper([&] { test.server.stop(); });
  leave.set_value();
  const auto answer = client.read_answer();
  stopper.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "done");
}

TEST(Server, CanBeDestroyedWithoutHavingBeenStarted) {
  const TestServer test;
}

}  // namespace
}  // namespace sonde::http
