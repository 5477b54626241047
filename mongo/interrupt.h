#ifndef SHARDTAIL_MONGO_INTERRUPT_H_
#define SHARDTAIL_MONGO_INTERRUPT_H_

namespace shardtail::mongo {

// Ends the waits of a connection: once set, it stays set. A wait polls fd() beside its socket. Safe
// for any thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void Set() const;
  bool is_set() const;

  // Readable from Set() on. Negative, which poll(2) passes over, where the process had no more
  // descriptors: then its connections fail, too.
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace shardtail::mongo

#endif  // SHARDTAIL_MONGO_INTERRUPT_H_
