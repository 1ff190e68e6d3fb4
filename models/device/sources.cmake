target_sources(wbsim_models PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/device.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fixed.cpp
  ${CMAKE_CURRENT_LIST_DIR}/hdd.cpp
  ${CMAKE_CURRENT_LIST_DIR}/single_server.cpp)
