#include "analyzer/detectors/fault_class.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/analyzer_detectors/column_feeder.h"
#include "tests/analyzer_models/made_model.h"

namespace sonde::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ServiceFeatures, AreSumsOverAServicesContainers) {
  ColumnFeeder feeder({{"cpu", {}}, {"calls", {}}}, {"api-1", "api-2", "pay-1"});
  feeder.push([](const std::string& quantity, const std::string& container) {
    if (quantity == "calls") return container == "api-2" ? kGap : 10.0;
    return container == "pay-1" ? 5.0 : 2.0;
  });
  const DetectorInput input = feeder.input();
  const ServiceFeatures features = service_features(input.entities, input.containers, "");
  EXPECT_EQ(features.values.at("api_cpu"), 4);
  EXPECT_EQ(features.values.at("pay_cpu"), 5);
  EXPECT_EQ(features.values.at("pay_calls"), 10);
  EXPECT_TRUE(is_gap(features.values.at("api_calls")));  // without api-2 it would look like a drop
  EXPECT_EQ(features.values.size(), 4U);
  EXPECT_EQ(features.name_spaces.at("api"), "shop");
  EXPECT_THAT(service_features(input.entities, input.containers, "elsewhere").values, IsEmpty());
}

TEST(ServiceFeatures, AQuantityThatAContainerDoesNotHaveIsNoGap) {
  ColumnFeeder feeder({{"cpu", {}}}, {"api-1", "api-2"});
  feeder.push(
      [](const std::string&, const std::string& container) { return container == "api-2" ? kGap : 2.0; });
  const DetectorInput input = feeder.input();
  std::map<std::string, Frame> containers = input.containers;
  containers["cpu"].series[1] = LabelSet();  // nothing feeds the row
  EXPECT_EQ(service_features(input.entities, containers, "").values.at("api_cpu"), 2);
}

TEST(ServiceFeatures, ANameInTwoNamespacesIsAmbiguous) {
  const std::vector<Entity> entities = {
      {"blue", "p", "c", "cart"}, {"green", "p", "c", "cart"}, {"green", "q", "d", ""}};
  EXPECT_THAT(service_features(entities, {}, "").ambiguous, ElementsAre("cart"));
  EXPECT_THAT(service_features(entities, {}, "blue").ambiguous, IsEmpty());
  EXPECT_EQ(service_features(entities, {}, "").name_spaces.count(""), 0U);
}

class FaultClass : public ::testing::Test {
 protected:
  /// A row as the model's class 0, cart/cpu, has them.
  ServiceFeatures cart_features() {
    ServiceFeatures features;
    for (const std::string& name : stored_.model->features) features.values[name] = 0;
    features.values[stored_.model->features[0]] = 4;
    features.name_spaces = {{"cart", "shop"}, {"pay", "shop"}};
    return features;
  }

  StoredModel stored_{std::make_shared<const Model>(made_model()), "/m/model-000001.sonde", 1, {}};
  FaultClassOptions options_{.algorithm = "random_forest", .confidence = 0.6, .name_space = ""};
};

TEST_F(FaultClass, NamesTheServiceTheFaultAndItsProbability) {
  for (const ClassifierKind& kind : classifier_kinds()) {
    options_.algorithm = kind.name;
    const FaultClasses classes = classify_faults(stored_, cart_features(), options_);
    EXPECT_EQ(classes.abstained, Abstention::kNone) << kind.name << ": " << classes.reason;
    EXPECT_EQ(classes.most.name_space, "shop");
    EXPECT_EQ(classes.most.service, "cart");
    EXPECT_EQ(classes.most.fault, "cpu");
    EXPECT_GT(classes.most.probability, 0.6);
    ASSERT_EQ(classes.probabilities.size(), 4U);
    EXPECT_EQ(classes.probabilities[2].service, "");
    EXPECT_EQ(classes.probabilities[2].fault, "normal");
    double sum = 0;
    for (const ClassProbability& one : classes.probabilities) sum += one.probability;
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

TEST_F(FaultClass, AbstainsWhereAFeatureIsMissing) {
  ServiceFeatures features = cart_features();
  features.values.erase("pay_syscalls");
  features.values["cart_syscalls"] = kGap;
  const FaultClasses classes = classify_faults(stored_, features, options_);
  EXPECT_EQ(classes.abstained, Abstention::kMissingFeature);
  EXPECT_EQ(classes.reason, "2 of 5 features are missing: cart_syscalls, pay_syscalls");
  EXPECT_THAT(classes.probabilities, IsEmpty());
}

TEST_F(FaultClass, AbstainsBelowTheConfidenceAndStillShowsTheProbabilities) {
  options_.confidence = 1;
  ServiceFeatures features = cart_features();
  features.values[stored_.model->features[0]] = 1;
  const FaultClasses classes = classify_faults(stored_, features, options_);
  EXPECT_EQ(classes.abstained, Abstention::kLowConfidence);
  EXPECT_THAT(classes.reason, HasSubstr("classifier.confidence=1"));
  EXPECT_EQ(classes.probabilities.size(), 4U);
}

TEST_F(FaultClass, AbstainsWithoutAModelOrItsAlgorithm) {
  EXPECT_EQ(classify_faults(StoredModel(), cart_features(), options_).abstained, Abstention::kNoModel);
  stored_.model = std::make_shared<const Model>(made_model(90, "knn"));
  const FaultClasses classes = classify_faults(stored_, cart_features(), options_);
  EXPECT_EQ(classes.abstained, Abstention::kNoModel);
  EXPECT_THAT(classes.reason, HasSubstr("no classifier random_forest"));
}

TEST_F(FaultClass, AModelOfAnotherAlgorithmOrOtherQuantitiesIsForeign) {
  const std::vector<std::string> quantities = {"cpu_usage", "syscalls"};
  Model model = made_model(90, "knn");
  model.features[3] = "pay_syscalls";
  EXPECT_EQ(foreign_shape(model, "knn", quantities), "");
  EXPECT_THAT(foreign_shape(model, "svm", quantities), HasSubstr("classifier.algorithm=svm"));
  model.features[3] = "pay_latency-50";
  EXPECT_THAT(foreign_shape(model, "knn", quantities),
              HasSubstr("pay_latency-50, which ends in no quantity"));
}

TEST_F(FaultClass, AbstainsWhereAServiceOfTheModelIsInTwoNamespaces) {
  ServiceFeatures features = cart_features();
  features.ambiguous = {"other"};  // of no feature
  EXPECT_EQ(classify_faults(stored_, features, options_).abstained, Abstention::kNone);
  features.ambiguous = {"cart"};
  EXPECT_EQ(classify_faults(stored_, features, options_).abstained, Abstention::kAmbiguousService);
}

TEST(AbstentionNames, AreToldApart) {
  EXPECT_EQ(abstention_name(Abstention::kNone), "");
  EXPECT_EQ(abstention_name(Abstention::kMissingFeature), "missing_feature");
}

TEST_F(FaultClass, AbstainsUntilTwoColumnsAreOfOneClass) {
  const FaultClasses cart = classify_faults(stored_, cart_features(), options_);
  FaultClasses now = cart;
  require_settled(now, cart);
  EXPECT_EQ(now.abstained, Abstention::kNone);
  FaultClasses before = cart;
  before.abstained = Abstention::kLowConfidence;  // the same class, not as sure
  require_settled(now, before);
  EXPECT_EQ(now.abstained, Abstention::kNone);
  before.most = {"", "", "normal", 0.9};
  require_settled(now, before);
  EXPECT_EQ(now.abstained, Abstention::kUnsettled);
  EXPECT_EQ(now.reason, "the column before was normal; one more is waited for");
  EXPECT_EQ(now.probabilities.size(), 4U);
  now = cart;
  require_settled(now, FaultClasses());
  EXPECT_EQ(now.reason, "the column before could not be told; one more is waited for");
}

TEST(ServiceFeatures, OfAColumnBefore) {
  ColumnFeeder feeder({{"cpu", {}}}, {"api-1"});
  for (const double value : {1.0, 2.0, 3.0})
    feeder.push([value](const std::string&, const std::string&) { return value; });
  const DetectorInput input = feeder.input();
  EXPECT_EQ(service_features(input.entities, input.containers, "").values.at("api_cpu"), 3);
  EXPECT_EQ(service_features(input.entities, input.containers, "", 2).values.at("api_cpu"), 1);
  EXPECT_THAT(service_features(input.entities, input.containers, "", 1000).values, IsEmpty());
}

}  // namespace
}  // namespace sonde::analyzer
