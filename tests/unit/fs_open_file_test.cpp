// Errors of write-back, and who is told of them.
#include <catch2/catch.hpp>

#include "models/fs/file.hpp"
#include "models/fs/open_file.hpp"
#include "tests/support/fs_fixture.hpp"

namespace wbsim {
namespace {

TEST_CASE("ErrSeq: each mark is told once of each error", "[fs]") {
  ErrSeq errors;
  ErrSeq::Mark a = errors.sample(), b = errors.sample();
  CHECK(errors.check_and_advance(a) == Errno::kOk);
  errors.set(Errno::kEio);
  CHECK(errors.check_and_advance(a) == Errno::kEio);
  CHECK(errors.check_and_advance(a) == Errno::kOk);
  CHECK(errors.check_and_advance(b) == Errno::kEio);
  CHECK(errors.check_and_advance(b) == Errno::kOk);

  errors.set(Errno::kEio);  // the same again, and others have been told of the last one
  errors.set(Errno::kEio);
  CHECK(errors.check_and_advance(a) == Errno::kEio);
  CHECK(errors.check_and_advance(a) == Errno::kOk);
  errors.set(Errno::kEnospc);
  CHECK(errors.check_and_advance(b) == Errno::kEnospc);
}

TEST_CASE("ErrSeq: who opens later is told only of what nobody has been told of", "[fs]") {
  ErrSeq errors;
  errors.set(Errno::kEio);
  ErrSeq::Mark first = errors.sample();
  CHECK(errors.check_and_advance(first) == Errno::kEio);
  ErrSeq::Mark second = errors.sample();
  CHECK(errors.check_and_advance(second) == Errno::kOk);
}

FsSetup with_errseq(bool errseq) {
  FsSetup setup;
  setup.rules.errseq = errseq;
  return setup;
}

TEST_CASE("an error is told to the first who waits, from 4.13 on to every open file once", "[fs]") {
  for (const bool errseq : {false, true}) {
    FsFixture f(with_errseq(errseq));
    File a{.f_inode = &f.file}, b{.f_inode = &f.file};
    a.open();
    b.open();
    mapping_set_error(f.file.i_data, Errno::kEio);
    CHECK(f.await(file_fdatawait(f.vfs, a, f.task)) == Errno::kEio);
    CHECK(f.await(file_fdatawait(f.vfs, a, f.task)) == Errno::kOk);
    CHECK(f.await(file_fdatawait(f.vfs, b, f.task)) == (errseq ? Errno::kEio : Errno::kOk));
    CHECK(f.await(file_fdatawait(f.vfs, b, f.task)) == Errno::kOk);
  }
}

TEST_CASE("sync(2) takes an error away from the next fsync, from 4.3 on it does not", "[fs]") {
  for (const bool errseq : {false, true}) {
    FsFixture f(with_errseq(errseq));
    File file{.f_inode = &f.file};
    file.open();
    mapping_set_error(f.file.i_data, Errno::kEio);
    CHECK(f.await(filemap_fdatawait_of_sync(f.vfs, f.file, f.task)) ==
          (errseq ? Errno::kOk : Errno::kEio));
    CHECK(f.await(file_fdatawait(f.vfs, file, f.task)) == (errseq ? Errno::kEio : Errno::kOk));
  }
}

TEST_CASE("who waits for a file returns when its pages are on the disk", "[fs]") {
  FsFixture f(with_errseq(GENERATE(false, true)));
  File file{.f_inode = &f.file};
  file.open();
  REQUIRE(f.await(generic_file_write(f.vfs, f.file, 0, 4096, f.task)) == Errno::kOk);
  REQUIRE(f.log.requests.empty());
  std::optional<Errno> started, waited;
  f.spawn(filemap_fdatawrite(f.vfs, f.file, f.task), started);
  f.run_for(Duration(1));
  const Page& page = *f.cache.find_get_page(f.file.i_data, 0);
  REQUIRE(page.test(PG_writeback));
  f.spawn(file_fdatawait(f.vfs, file, f.other_task), waited);
  f.run_for(Duration(1));
  CHECK_FALSE(waited);
  f.run();
  CHECK(waited == Errno::kOk);
  CHECK_FALSE(page.test(PG_writeback));
}

}  // namespace
}  // namespace wbsim
