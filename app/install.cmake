# What `cmake --install` and the Debian package put where. The package: cpack -G DEB in the build
# directory (it needs dpkg-dev for the dependencies).
include(GNUInstallDirs)

install(TARGETS wbsim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES app/wbsim.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES app/wbsim.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME wbsim)
install(DIRECTORY scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/wbsim)
install(DIRECTORY analysis DESTINATION ${CMAKE_INSTALL_DATADIR}/wbsim
  USE_SOURCE_PERMISSIONS
  FILES_MATCHING PATTERN "plot*.py" PATTERN "run_files.py" PATTERN "recording.py"
  PATTERN "wbsim_io.py" PATTERN "example_*.py" PATTERN "endings.py")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The wbsim developers <wbsim@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "discrete-event simulator of Linux kernel writeback")
set(CPACK_PACKAGE_DESCRIPTION "Simulates dirty pages, flusher threads, throttled writers, request
 queues and disks of several generations of Linux, page by page, from a JSON description of a
 machine and its workloads.")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "python3-matplotlib")
include(CPack)
