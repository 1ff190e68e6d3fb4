#include "app/zstd.hpp"

#ifdef WBSIM_ZSTD
#include <zstd.h>

#include <string>

#include "sim/assert.hpp"
#endif

namespace wbsim {

#ifdef WBSIM_ZSTD

namespace {

class Zstd : public Compressor {
 public:
  Zstd() : context_(ZSTD_createCCtx()) { WB_ASSERT(context_ != nullptr); }
  ~Zstd() override { ZSTD_freeCCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  std::string_view compress(std::string_view text, bool last) override {
    compressed_.resize(ZSTD_compressBound(text.size()) + ZSTD_CStreamOutSize());
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    ZSTD_outBuffer out{compressed_.data(), compressed_.size(), 0};
    const std::size_t left =
        ZSTD_compressStream2(context_, &out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
    WB_ASSERT(ZSTD_isError(left) == 0 && left == 0 && in.pos == in.size);
    return {compressed_.data(), out.pos};
  }

 private:
  ZSTD_CCtx* context_;
  std::string compressed_;
};

}  // namespace

std::unique_ptr<Compressor> make_zstd() {
  return std::make_unique<Zstd>();
}
bool has_zstd() {
  return true;
}

#else

std::unique_ptr<Compressor> make_zstd() {
  return nullptr;
}
bool has_zstd() {
  return false;
}

#endif

}  // namespace wbsim
