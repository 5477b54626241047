# How a folder becomes a library, and how its tests are built.

find_program(SHARDTAIL_CCACHE ccache)
if(SHARDTAIL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SHARDTAIL_CCACHE})
endif()

add_library(shardtail_flags INTERFACE)
target_compile_options(shardtail_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wimplicit-fallthrough
  # Designated initialisers leave fields at their defaults on purpose.
  -Wno-missing-field-initializers)
target_include_directories(shardtail_flags INTERFACE ${CMAKE_SOURCE_DIR})

# SHARDTAIL_SANITIZE: a -fsanitize= value such as "address,undefined" or "thread"; empty for none.
set(SHARDTAIL_SANITIZE "" CACHE STRING "Value of -fsanitize=")
if(SHARDTAIL_SANITIZE)
  add_compile_options(-fsanitize=${SHARDTAIL_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SHARDTAIL_SANITIZE})
endif()
if(SHARDTAIL_SANITIZE MATCHES "thread")
  add_library(shardtail_tsan_c11_threads OBJECT cmake/tsan_c11_threads.c)
  link_libraries($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:shardtail_tsan_c11_threads>)
endif()
option(SHARDTAIL_COVERAGE "Instrument for gcov" OFF)
if(SHARDTAIL_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

# shardtail_library(NAME SOURCES a.cc ... [DEPS lib ...] [PRIVATE_DEPS lib ...])
# The library of one folder. A folder of headers only has no SOURCES.
function(shardtail_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(shardtail_${name} STATIC ${ARG_SOURCES})
    target_link_libraries(shardtail_${name} PUBLIC ${ARG_DEPS} PRIVATE shardtail_flags
                                                                    ${ARG_PRIVATE_DEPS})
    target_include_directories(shardtail_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  else()
    add_library(shardtail_${name} INTERFACE)
    target_link_libraries(shardtail_${name} INTERFACE ${ARG_DEPS})
    target_include_directories(shardtail_${name} INTERFACE ${CMAKE_SOURCE_DIR})
  endif()
endfunction()

# shardtail_test(NAME SOURCES x_test.cc ... DEPS lib ...): one GoogleTest binary for a folder's tests.
function(shardtail_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name}_test ${ARG_SOURCES})
  target_link_libraries(${name}_test PRIVATE shardtail_flags ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME unit.${name} COMMAND ${name}_test)
  set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()
