#pragma once

#include <string>

#include "common/http/message.h"
#include "exporter/flows/tracing/tracer.h"

namespace sonde::exporter {

/// POST /trace: begins a trace; 202 with its number and page, 400 for a wrong body, 404 for a container that
/// is not there, 409 while another trace runs, 503 where the kernel refuses.
http::Response answer_trace(Tracer& tracer, const http::Request& request);
/// GET /traces: the list.
http::Response answer_traces(const Tracer& tracer);
/// GET /traces/ID, as JSON or by ?format=chrome for Chrome's and Perfetto's viewers; 404 for a number that is
/// not kept, 202 while it runs.
http::Response answer_trace_page(const Tracer& tracer, const http::Request& request);

}  // namespace sonde::exporter
