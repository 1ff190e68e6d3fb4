target_sources(wbsim_models PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/device.cpp
  ${CMAKE_CURRENT_LIST_DIR}/disk_geometry.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fault_plan.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fixed.cpp
  ${CMAKE_CURRENT_LIST_DIR}/flash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/hdd.cpp
  ${CMAKE_CURRENT_LIST_DIR}/raid.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sector_states.cpp
  ${CMAKE_CURRENT_LIST_DIR}/single_server.cpp
  ${CMAKE_CURRENT_LIST_DIR}/usb.cpp
  ${CMAKE_CURRENT_LIST_DIR}/write_cache.cpp)
