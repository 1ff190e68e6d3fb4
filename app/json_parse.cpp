#include "app/json_parse.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace wbsim {
namespace {

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostKeys = 1000;  // of one object; they are looked up one by one

std::string line_and_column(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte > 0 ? byte - 1 : 0, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column =
      before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

// Builds the value and keeps the pointer of where it is.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, Problems& problems) : text_(text), problems_(problems) {}
  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kMost)
      return too_large(std::to_string(value));
    return add(static_cast<std::int64_t>(value));
  }
  bool number_float(double value, const std::string& text) override {
    if (text.find_first_of(".eE") == std::string::npos)
      return too_large(text);
    return add(value);
  }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }

  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool key(std::string& name) override {
    if (stack_.back()->size() == kMostKeys) {
      problems_.error(pointers_.back(), "more than " + std::to_string(kMostKeys) + " keys");
      return false;
    }
    key_ = name;
    duplicate_ = stack_.back()->contains(name);
    if (duplicate_)
      problems_.error(child(pointers_.back(), name), "duplicate key");
    return true;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::detail::exception& e) override;

 private:
  std::string here() const {
    if (stack_.empty())
      return "";
    return stack_.back()->is_array() ? child(pointers_.back(), stack_.back()->size())
                                     : child(pointers_.back(), key_);
  }
  Json* place(Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    if (duplicate_) {
      // The first one stays; the second is still walked, for its own problems.
      dropped_.push_back(std::make_unique<Json>(std::move(value)));
      return dropped_.back().get();
    }
    Json& slot = parent[key_];
    slot = std::move(value);
    return &slot;
  }
  bool add(Json value) { return place(std::move(value)), true; }
  bool too_large(const std::string& text) {
    problems_.error(here(), "the number " + text.substr(0, 40) + " does not fit in 64 bits");
    return add(std::int64_t{0});
  }
  bool open(Json container) {
    if (stack_.size() == kDeepest) {
      problems_.error("", "nested deeper than " + std::to_string(kDeepest) + " levels");
      return false;
    }
    std::string pointer = here();
    stack_.push_back(place(std::move(container)));
    pointers_.push_back(std::move(pointer));
    return true;
  }
  bool close() {
    stack_.pop_back();
    pointers_.pop_back();
    return true;
  }

  std::string_view text_;
  Problems& problems_;
  Json root_;
  // Parents are pointed to while their children are added: an ordered object moves its members
  // when it grows, but never while one of them is open.
  std::vector<Json*> stack_;
  std::vector<std::string> pointers_;
  std::vector<std::unique_ptr<Json>> dropped_;
  std::string key_;
  bool duplicate_ = false;
};

bool Builder::parse_error(std::size_t position, const std::string& token,
                          const nlohmann::detail::exception& e) {
  std::string reason = e.what();
  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ..."
  for (const char* start : {"syntax error ", "number overflow", "invalid BOM"}) {
    const std::size_t at = reason.find(start);
    if (at != std::string::npos) {
      reason.erase(0, at);
      break;
    }
  }
  // What was read last may be anything; it goes to a terminal.
  std::replace_if(
      reason.begin(), reason.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  std::string hint;
  const std::string last = token.substr(token.find_last_of("[{,: \t\r\n") + 1);
  if (last.starts_with("N") || last.starts_with("I") || last.starts_with("-I") ||
      last.starts_with("n") || last.starts_with("+"))
    hint = "JSON numbers are plain: no NaN, no Infinity, no leading +";
  else if (last.starts_with("/") || last.starts_with("#"))
    hint = "JSON has no comments: use \"description\", \"expected\" or \"source\"";
  else if (last.starts_with("'"))
    hint = "JSON strings stand in double quotes";
  else if (reason.find("unexpected '}'") != std::string::npos ||
           reason.find("unexpected ']'") != std::string::npos)
    hint = "JSON has no comma after the last element";
  problems_.error("", line_and_column(text_, position) + ": " + reason, hint);
  return false;
}

}  // namespace

Json parse_json(std::string_view text, Problems& problems) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    problems.error("", "the file is empty");
    return nullptr;
  }
  Builder builder(text, problems);
  if (!Json::sax_parse(text.begin(), text.end(), &builder))
    return nullptr;
  return builder.take();
}

}  // namespace wbsim
