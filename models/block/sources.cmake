target_sources(wbsim_models PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/blk_flush.cpp
  ${CMAKE_CURRENT_LIST_DIR}/blk_mq.cpp
  ${CMAKE_CURRENT_LIST_DIR}/blk_plug.cpp
  ${CMAKE_CURRENT_LIST_DIR}/blk_wbt.cpp
  ${CMAKE_CURRENT_LIST_DIR}/deadline.cpp
  ${CMAKE_CURRENT_LIST_DIR}/driver_queue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/elevator.cpp
  ${CMAKE_CURRENT_LIST_DIR}/elevator_linus.cpp
  ${CMAKE_CURRENT_LIST_DIR}/elevator_queue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/linus_queue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/noop.cpp
  ${CMAKE_CURRENT_LIST_DIR}/queue_settings.cpp
  ${CMAKE_CURRENT_LIST_DIR}/request_list.cpp
  ${CMAKE_CURRENT_LIST_DIR}/request_merge.cpp
  ${CMAKE_CURRENT_LIST_DIR}/request_queue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/single_queue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/tag_queue.cpp)
