#ifndef SHARDTAIL_APP_VERSION_H_
#define SHARDTAIL_APP_VERSION_H_

namespace shardtail::app {

inline constexpr char kVersion[] = SHARDTAIL_VERSION;  // from CMakeLists.txt

}  // namespace shardtail::app

#endif  // SHARDTAIL_APP_VERSION_H_
