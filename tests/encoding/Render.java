// Renders BSON documents exactly as Debezium 1.3.1 does, by its own classes; see make_fixture.py.
//
// Standard input: one document a line, as hexadecimal BSON. Standard output: for each, the key's id
// string, a tab, and the `after` string.
import com.mongodb.MongoClient;
import com.mongodb.util.JSONSerializers;
import com.mongodb.util.ObjectSerializer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import org.bson.BsonBinaryReader;
import org.bson.Document;
import org.bson.codecs.Codec;
import org.bson.codecs.DecoderContext;
import org.bson.json.JsonWriterSettings;

public class Render {
  public static void main(String[] args) throws Exception {
    Field field = Class.forName("io.debezium.connector.mongodb.MongoDbSchema")
                      .getDeclaredField("COMPACT_JSON_SETTINGS");
    field.setAccessible(true);
    JsonWriterSettings settings = (JsonWriterSettings) field.get(null);
    Codec<Document> codec = MongoClient.getDefaultCodecRegistry().get(Document.class);
    ObjectSerializer keys = JSONSerializers.getStrict();
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = in.readLine()) != null;) {
      byte[] bytes = new byte[line.length() / 2];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) Integer.parseInt(line.substring(2 * i, 2 * i + 2), 16);
      }
      Document document = codec.decode(
          new BsonBinaryReader(ByteBuffer.wrap(bytes)), DecoderContext.builder().build());
      out.println(keys.serialize(document.get("_id")) + "\t" + document.toJson(settings, codec));
    }
  }
}
