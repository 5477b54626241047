// Writes random documents and patches, and what Debezium 1.3.1's own FieldSelector makes of them:
// one case a line, its columns separated by tabs.
//
//   field.exclude.list   or -
//   field.renames        or -
//   document             JSON; of the collection `db.c`
//   result               JSON, or ! and the message of what was thrown
//
// See make-field-selector-cases.
import io.debezium.connector.mongodb.CollectionId;
import io.debezium.connector.mongodb.FieldSelector;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.bson.Document;

public class FieldSelectorCases {
  static final String[] FIELDS = {"a", "a", "b", "b", "c", "ab"};
  static final Random random = new Random(1301);
  static int lastValue = 0;

  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
    for (int i = 0; i < 700; ) if (ask(out, paths(), "-", fields(0))) i++;
    for (int i = 0; i < 1300; ) if (ask(out, paths(), "-", patch())) i++;
    for (int i = 0; i < 700; ) if (ask(out, "-", renames(), fields(0))) i++;
    for (int i = 0; i < 1300; ) if (ask(out, "-", renames(), patch())) i++;
    for (int i = 0; i < 500; ) if (ask(out, paths(), renames(), fields(0))) i++;
    out.flush();
  }

  // False where the case is not written: most of those in which nothing changes, and long ones.
  static boolean ask(PrintStream out, String exclude, String renames, Document document) {
    String asked = document.toJson();
    lastValue = 0;
    if (asked.length() > 250) return false;
    String result;
    try {
      FieldSelector.FieldSelectorBuilder builder = FieldSelector.builder();
      if (!exclude.equals("-")) builder.excludeFields(exclude);
      if (!renames.equals("-")) builder.renameFields(renames);
      CollectionId collection = new CollectionId("rs0", "db", "c");
      result = builder.build().fieldFilterFor(collection).apply(document).toJson();
    } catch (RuntimeException e) {
      result = "! " + e.getMessage();
    }
    if (result.equals(asked) && !oneIn(10)) return false;
    out.println(String.join("\t", exclude, renames, asked, result));
    return true;
  }

  static boolean oneIn(int n) { return random.nextInt(n) == 0; }

  static String field() {
    return oneIn(15) ? Integer.toString(random.nextInt(2)) : FIELDS[random.nextInt(FIELDS.length)];
  }

  static String path() {
    List<String> parts = new ArrayList<>(List.of("db.c", field()));
    while (parts.size() < 5 && oneIn(2)) parts.add(field());
    return String.join(".", parts);
  }

  static String paths() {
    List<String> paths = new ArrayList<>(List.of(path()));
    while (oneIn(3)) paths.add(path());
    return String.join(",", paths);
  }

  static String renames() {
    List<String> renames = new ArrayList<>();
    do {
      renames.add(path() + ":" + (oneIn(3) ? field() : oneIn(20) ? "n.o" : "n" + random.nextInt(3)));
    } while (oneIn(3));
    return String.join(",", renames);
  }

  static Object value(int depth) {
    if (depth == 3 || oneIn(3)) return ++lastValue;
    if (!oneIn(3)) return fields(depth + 1);
    List<Object> list = new ArrayList<>();
    while (list.size() < 3 && !oneIn(3)) list.add(value(depth + 1));
    return list;
  }

  static Document fields(int depth) {
    Document document = new Document();
    if (depth == 0) document.put("_id", ++lastValue);
    while (!oneIn(depth == 0 ? 5 : 3)) document.put(field(), value(depth));
    return document;
  }

  static String key() {
    StringBuilder key = new StringBuilder(field());
    for (int parts = 1; parts < 4 && !oneIn(3); parts++) {
      if (oneIn(3)) key.append('.').append(random.nextInt(12));
      if (!oneIn(4)) key.append('.').append(field());
    }
    return key.append(oneIn(100) ? "." : "").toString();
  }

  // Whether one of two keys lies inside the other. MongoDB refuses such an update.
  static boolean conflict(String one, String other) {
    return (one + ".").startsWith(other + ".") || (other + ".").startsWith(one + ".");
  }

  static Document changes(boolean values, Document besides) {
    boolean anyKeys = oneIn(5);
    Document changes = new Document();
    do {
      String key = key();
      boolean conflicts = Stream.concat(changes.keySet().stream(), besides.keySet().stream())
          .anyMatch(other -> conflict(key, other));
      if (anyKeys || !conflicts) changes.put(key, values ? value(2) : true);
    } while (!oneIn(4));
    return changes;
  }

  static Document patch() {
    Document patch = new Document("$v", 1);
    Document sets = oneIn(5) ? new Document() : changes(true, new Document());
    if (!sets.isEmpty()) patch.put("$set", sets);
    if (sets.isEmpty() || oneIn(3)) patch.put("$unset", changes(false, sets));
    return patch;
  }
}
