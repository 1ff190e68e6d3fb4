target_sources(wbsim_models PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/deadline.cpp
  ${CMAKE_CURRENT_LIST_DIR}/elevator.cpp
  ${CMAKE_CURRENT_LIST_DIR}/noop.cpp
  ${CMAKE_CURRENT_LIST_DIR}/request_driver.cpp
  ${CMAKE_CURRENT_LIST_DIR}/request_list.cpp
  ${CMAKE_CURRENT_LIST_DIR}/request_merge.cpp
  ${CMAKE_CURRENT_LIST_DIR}/request_queue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/single_queue.cpp)
