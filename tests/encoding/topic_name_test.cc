#include "encoding/topic_name.h"

#include <gtest/gtest.h>

namespace shardtail::encoding {
namespace {

TEST(TopicNameTest, KeepsLettersDigitsDotsUnderscoresAndDashes) {
  EXPECT_EQ(ToTopicName("fulfillment.Shop_1.orders-2021.old"),
            "fulfillment.Shop_1.orders-2021.old");
}

TEST(TopicNameTest, PutsAnUnderscoreForEachUtf16UnitOfTheOthers) {
  EXPECT_EQ(ToTopicName("prefix.db.my@collection"), "prefix.db.my_collection");
  EXPECT_EQ(ToTopicName("s.wl.uni☃ключ"), "s.wl.uni_____");
  EXPECT_EQ(ToTopicName("s.wl.tilde~@!"), "s.wl.tilde___");
  EXPECT_EQ(ToTopicName("s.wl.a\U0001F600b"), "s.wl.a__b");
  EXPECT_EQ(ToTopicName("s.wl.with space/$"), "s.wl.with_space__");
}

TEST(SchemaNameTest, PutsAnUnderscoreForADashToo) {
  EXPECT_EQ(ToSchemaName("dbserver1.my-db.c-1.Key"), "dbserver1.my_db.c_1.Key");
  EXPECT_EQ(ToSchemaName("dbserver1.1db_x.c.Envelope"), "dbserver1.1db_x.c.Envelope");
}

TEST(SchemaNameTest, BeginsWithALetterOrAnUnderscore) {
  EXPECT_EQ(ToSchemaName("1server.db.c"), "_server.db.c");
  EXPECT_EQ(ToSchemaName(".server"), "_server");
  EXPECT_EQ(ToSchemaName("_server"), "_server");
  EXPECT_EQ(ToSchemaName(""), "");
}

}  // namespace
}  // namespace shardtail::encoding
