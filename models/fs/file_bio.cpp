#include "models/fs/file_bio.hpp"

namespace wbsim {

FileBio& BioPool::make_with_pages() {
  FileBio& bio = make();
  page_arrays_.push_back(std::make_unique<PageId[]>(kBioMaxPages));
  bio.carries_pages = true;
  bio.pages = page_arrays_.back().get();
  return bio;
}

}  // namespace wbsim
