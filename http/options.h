#ifndef SHARDTAIL_HTTP_OPTIONS_H_
#define SHARDTAIL_HTTP_OPTIONS_H_

#include <string>

namespace shardtail::http {

struct Options {
  std::string host = "127.0.0.1";  // http.host: an address or a name of this machine
  int port = 8083;                 // http.port; 0: any that is free; -1: no server
};

}  // namespace shardtail::http

#endif  // SHARDTAIL_HTTP_OPTIONS_H_
