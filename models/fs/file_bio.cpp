#include "models/fs/file_bio.hpp"

namespace wbsim {

FileBio& BioPool::take(std::vector<FileBio*>& free_list, bool with_pages) {
  if (!free_list.empty()) {
    FileBio& bio = *free_list.back();
    free_list.pop_back();
    PageId* const pages = bio.pages;
    bio = FileBio{};
    bio.pages = pages;
    return bio;
  }
  FileBio& bio = bios_.emplace_back();
  if (with_pages) {
    page_arrays_.push_back(std::make_unique<PageId[]>(kBioMaxPages));
    bio.pages = page_arrays_.back().get();
  }
  return bio;
}

}  // namespace wbsim
