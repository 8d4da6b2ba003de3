#pragma once

// Written by expected.py.
namespace sonde::analyzer::expected {

inline constexpr double kQuantile30 = 0.67850141972303391;
inline constexpr double kMedian = 1.2917913729324937;
inline constexpr double kWinsorisedMean = 5.0671782219782475;
inline constexpr double kWinsorisedDeviation = 3.2073347831398555;
inline constexpr double kPlainMean = 0.47086009794535738;
inline constexpr double kPlainDeviation = 0.23497411257440498;
inline constexpr double kDtwSquared20By20 = 2.0554762363340568;
inline constexpr double kDtwSquared13By31 = 1.4190029418962791;
inline constexpr double kThreshold997 = 3.9867669673729687;
inline constexpr double kThresholdSmall = 8.6082684295251966;
inline constexpr double kExponentialOutlierFactor = 3.0342127941220545;
inline constexpr double kChangeRate = 0.20500000000000002;
inline constexpr double kNormalisedChangeRate = 0.034166666666666665;

}  // namespace sonde::analyzer::expected
