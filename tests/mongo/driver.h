#ifndef SHARDTAIL_TESTS_MONGO_DRIVER_H_
#define SHARDTAIL_TESTS_MONGO_DRIVER_H_

#include "mongo/client.h"

namespace shardtail::mongo {

// The driver can be initialised once in a process: here for all tests of the program.
inline void StartDriver() { static const DriverScope driver; }

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_TESTS_MONGO_DRIVER_H_
