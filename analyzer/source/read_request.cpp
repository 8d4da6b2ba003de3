#include "analyzer/source/read_request.h"

#include <snappy.h>

#include "analyzer/proto/remote_read.pb.h"

namespace sonde::analyzer {
namespace {

prometheus::LabelMatcher::Type type_of(Matcher::Kind kind) {
  switch (kind) {
    case Matcher::Kind::kEqual:
      return prometheus::LabelMatcher::EQ;
    case Matcher::Kind::kNotEqual:
      return prometheus::LabelMatcher::NEQ;
    case Matcher::Kind::kMatches:
      return prometheus::LabelMatcher::RE;
    case Matcher::Kind::kNotMatches:
      return prometheus::LabelMatcher::NRE;
  }
  return prometheus::LabelMatcher::EQ;
}

}  // namespace

HttpRequest make_read_request(const ReadQuery& query, ReadMode mode) {
  prometheus::ReadRequest message;
  for (const Selector& selector : query.selectors) {
    prometheus::Query& one = *message.add_queries();
    one.set_start_timestamp_ms(query.start_ms);
    one.set_end_timestamp_ms(query.end_ms);
    for (const Matcher& matcher : selector) {
      prometheus::LabelMatcher& label = *one.add_matchers();
      label.set_type(type_of(matcher.kind));
      label.set_name(matcher.name);
      label.set_value(matcher.value);
    }
  }
  if (mode == ReadMode::kChunks)
    message.add_accepted_response_types(prometheus::ReadRequest::STREAMED_XOR_CHUNKS);
  message.add_accepted_response_types(prometheus::ReadRequest::SAMPLES);

  HttpRequest request;
  request.path = "/api/v1/read";
  request.content_type = "application/x-protobuf";
  const std::string plain = message.SerializeAsString();
  snappy::Compress(plain.data(), plain.size(), &request.body);
  request.headers = {{"Content-Encoding", "snappy"}, {"X-Prometheus-Remote-Read-Version", "0.1.0"}};
  return request;
}

}  // namespace sonde::analyzer
