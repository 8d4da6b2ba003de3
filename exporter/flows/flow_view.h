#pragma once

#include <string>
#include <vector>

#include "common/clock.h"
#include "exporter/flows/flow_details.h"
#include "exporter/flows/flow_pods.h"
#include "exporter/flows/flow_table.h"
#include "exporter/flows/flows_request.h"
#include "exporter/flows/mapping/translation_table.h"
#include "exporter/flows/peer_table.h"

namespace sonde::exporter {

/// What GET /flows answers: JSON (docs/flows.md). Of `entries` those that the request is for, sorted and at
/// most as many as it wants, with the names of both ends and, where NAT changes a flow, those beyond it;
/// times in seconds. `translations`: null where NAT is not known. `details`: what the entries do not tell.
/// `now`: of the same clock as the entries'.
std::string flows_json(const std::vector<FlowEntry>& entries, const FlowsRequest& request, FlowPods& pods,
                       const PeerTable& peers, const TranslationTable* translations,
                       const FlowDetails& details, SteadyTime now);

}  // namespace sonde::exporter
