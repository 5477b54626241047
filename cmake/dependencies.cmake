# Every dependency is a Debian 12 package; see tools/install-dependencies.
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
find_package(mongoc-1.0 1.23 CONFIG REQUIRED)
find_package(bson-1.0 1.23 CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(RapidJSON 1.1 CONFIG REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)

# Its malloc takes the place of the C library's: a record is made by one thread and freed by another,
# which glibc serialises. A sanitizer brings its own.
find_library(MIMALLOC_LIBRARY mimalloc REQUIRED)
add_library(shardtail_allocator INTERFACE)
if(NOT SHARDTAIL_SANITIZE)
  target_link_libraries(shardtail_allocator INTERFACE ${MIMALLOC_LIBRARY})
endif()
