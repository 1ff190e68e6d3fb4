// How failed checks show our units.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "sim/units.hpp"

namespace Catch {

template <class Tag>
struct StringMaker<wbsim::Quantity<Tag>> {
  static std::string convert(wbsim::Quantity<Tag> value) { return std::to_string(value.count()); }
};
template <>
struct StringMaker<wbsim::Duration> {
  static std::string convert(wbsim::Duration value) {
    return std::to_string(value.count()) + " ns";
  }
};
template <>
struct StringMaker<wbsim::TimePoint> {
  static std::string convert(wbsim::TimePoint value) {
    return "at " + StringMaker<wbsim::Duration>::convert(value.time_since_epoch());
  }
};

}  // namespace Catch
