#include "analyzer/series/identity_labels.h"

#include <gtest/gtest.h>

namespace sonde::analyzer {
namespace {

TEST(IdentityLabels, StayAsTheyAreWhereNoneIsExported) {
  const LabelSet labels({{"__name__", "x"}, {"pod", "api-1"}, {"exported_job", "other"}});
  EXPECT_EQ(normalise_identity(labels), labels);
}

TEST(IdentityLabels, AnExportedOneReplacesAllFour) {
  // The scraper's own target labels (pod, container of the exporter itself) must not be taken for the
  // series'.
  const LabelSet labels({{"__name__", "x"},
                         {"container", "sonde-exporter"},
                         {"exported_pod", "api-1"},
                         {"exported_service", "api"},
                         {"namespace", "monitoring"},
                         {"operation", "read"},
                         {"pod", "sonde-exporter-abcde"}});
  EXPECT_EQ(normalise_identity(labels).text(), R"(x{operation="read",pod="api-1",service="api"})");
}

}  // namespace
}  // namespace sonde::analyzer
