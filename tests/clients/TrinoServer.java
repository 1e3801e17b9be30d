// A Trino server in this process with kubesql as a catalog of its PostgreSQL connector. Its answers must be the same as
// those of kubesql itself. Arguments: an empty folder for the server's files, and kubesql's port.

import com.google.inject.Inject;
import com.google.inject.Module;
import io.trino.plugin.memory.MemoryPlugin;
import io.trino.plugin.postgresql.PostgreSqlPlugin;
import io.trino.server.PluginManager;
import io.trino.server.Server;
import io.trino.spi.Plugin;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.*;
import java.util.*;

public class TrinoServer {
    /** Statements for both; a second text is the statement for kubesql where it differs. */
    static final String[][] QUESTIONS = {
        {"select schema_name from information_schema.schemata"
            + " where schema_name not in ('information_schema', 'pg_catalog')"},
        {"select table_name from information_schema.tables where table_schema = 'networking.k8s.io'"},
        {"select count(*) from \"networking.k8s.io\".ingresses"},
        // Comparisons of text, which the catalog lets kubesql evaluate.
        {"select count(*) from pods where phase <> 'Running' and name > 'm'"},
        {"select name, uid from pods where phase in ('Failed', 'Pending')"},
        {"select name from pods where name like 'a%' or name like '%!_%' escape '!'"},
        {"select count(*) from pods where phase = 'Run''ning\\' or name = 'ünïcødé ☃'"},
        // Numbers, booleans, times, NULL.
        {"select name, priority from pods where priority > 0"},
        {"select pod, name from containers where restartcount between 1 and 5"},
        {"select count(*) from pods where enableservicelinks"},
        {"select pod, name from containers where ready = false"},
        {"select name, starttime from pods where creationtimestamp > timestamp '2020-01-01 00:00:00 UTC'",
            "select name, starttime from pods where creationtimestamp > '2020-01-01T00:00:00Z'"},
        {"select name, nodename, deletiontimestamp from pods where deletiontimestamp is not null or nodename is null"},
        // LIMIT, GROUP BY, sums.
        {"select count(*) from (select name from pods limit 7)"},
        {"select name, priority from pods order by priority nulls first, name limit 5"},
        {"select namespace, count(*), min(creationtimestamp), max(name) from pods group by namespace"},
        {"select count(ready), count(distinct image), avg(restartcount), stddev(restartcount) from containers"},
        {"select namespace, sum(restartcount) s from containers group by namespace having count(*) > 2"
            + " order by s desc, 1 limit 3"},
        {"select distinct phase, hostnetwork from pods"},
        // Joins, the last one with a table in Trino's memory.
        {"select p.name, c.name, c.image from pods p join containers c on p.uid = c.uid and p.namespace = c.namespace"},
        {"select count(*) from pods p left join nodes n on p.nodename = n.name where n.name is null"},
        {"select m.name, m.creationtimestamp, p.phase from memory.default.copied m join pods p on m.uid = p.uid",
            "select name, creationtimestamp, phase from pods"},
        // Maps are JSON, lists arrays.
        {"select name, json_format(labels), json_extract_scalar(labels, '$.team') from pods",
            "select name, labels, \"labels.team\" from pods"},
        {"select name, \"labels.team\" from pods where \"labels.team\" is not null"},
        {"select name, podcidrs, finalizers from nodes where podcidrs is not null"},
    };

    /** Statements for both, and a part of the statement that Trino sends to kubesql for it. */
    static final String[][] HANDED_ON = {
        {"select count(*) from pods where phase = 'Running' and priority > 0", "%count(*)%phase%COLLATE%priority%"},
        {"select priority, count(*), sum(generation), max(starttime) from pods group by 1", "%sum(%GROUP BY%"},
        {"select creationtimestamp, priority from pods order by 1 desc, 2 limit 5", "%ORDER BY%LIMIT 5%"},
        {"select c.restartcount, p.priority from pods p join containers c on p.uid = c.uid", "%INNER JOIN%"},
    };

    /** Statements that fail, and parts of their errors. */
    static final String[][] REFUSED = {
        {"create table copied as select name from pods", "CREATE: clusters are read-only"},
        {"insert into pods (name) values ('x')", "clusters are read-only"},
        {"delete from pods where priority = 5", "DELETE: clusters are read-only"},
    };

    /** Loads the connectors, which a server otherwise loads from a folder for each. */
    static class Connectors {
        @Inject
        Connectors(PluginManager plugins) {
            for (Plugin plugin : List.of(new PostgreSqlPlugin(), new MemoryPlugin())) {
                plugins.installPlugin(plugin, TrinoServer.class::getClassLoader);
            }
        }
    }

    /** Starts the server, and returns its port. */
    static int start(Path folder, String kubesql) throws Exception {
        Files.createDirectory(folder.resolve("plugins"));
        Files.writeString(folder.resolve("memory.properties"), "connector.name=memory\n");
        Files.write(folder.resolve("kubesql.properties"), List.of("connector.name=postgresql",
            "connection-url=jdbc:postgresql://127.0.0.1:" + kubesql + "/kubesql", "connection-user=someone",
            "postgresql.array-mapping=AS_ARRAY", "postgresql.experimental.enable-string-pushdown-with-collate=true",
            // Without a cache it reads the columns of each table for each statement.
            "metadata.cache-ttl=5m"));
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        Map.of("node.environment", "test", "node.data-dir", folder.toString(), "node.bind-ip", "127.0.0.1",
            "node.internal-address", "127.0.0.1", "plugin.dir", folder.resolve("plugins").toString(),
            "catalog.config-dir", folder.toString(), "http-server.http.port", String.valueOf(port),
            "http-server.log.path", folder.resolve("requests.log").toString(),
            "discovery.uri", "http://127.0.0.1:" + port, "node-scheduler.include-coordinator", "true"
        ).forEach(System::setProperty);
        new Server() {
            @Override
            protected Iterable<? extends Module> getAdditionalModules() {
                return List.of(binder -> binder.bind(Connectors.class).asEagerSingleton());
            }
        }.start("368");
        return port;
    }

    /** The rows in a common format, sorted if the statement has no ORDER BY. */
    static List<String> rows(Connection connection, String sql) throws SQLException {
        List<String> found = new ArrayList<>();
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            ResultSetMetaData columns = rows.getMetaData();
            while (rows.next()) {
                List<String> row = new ArrayList<>();
                for (int at = 1; at <= columns.getColumnCount(); at++) {
                    boolean time = columns.getColumnTypeName(at).startsWith("timestamp");
                    row.add(written(time ? rows.getTimestamp(at) : rows.getObject(at)));
                }
                found.add(row.toString());
            }
        } catch (SQLException error) {
            throw new SQLException(sql + ": " + error.getMessage(), error);
        }
        if (!sql.contains("order by")) Collections.sort(found);
        return found;
    }

    static String written(Object value) throws SQLException {
        if (value instanceof Timestamp) return ((Timestamp) value).toInstant().toString();
        if (value instanceof java.sql.Array) return Arrays.toString((Object[]) ((java.sql.Array) value).getArray());
        if (!(value instanceof Number)) return String.valueOf(value);
        // The last digits of a sum depend on the order of its rows.
        return new BigDecimal(value.toString()).round(new MathContext(12)).stripTrailingZeros().toPlainString();
    }

    static void check(boolean holds, Object what) {
        if (!holds) throw new AssertionError(String.valueOf(what));
    }

    static void same(List<String> trino, List<String> kubesql, String sql) {
        check(trino.equals(kubesql), sql + "\nTrino: " + trino + "\nkubesql: " + kubesql);
    }

    /** The server answers before it has discovered itself, and itself before its catalogs. */
    static void awaitNode(Connection trino) throws Exception {
        for (int tries = 0; ; tries++) {
            try {
                rows(trino, "select count(*) from nodes");
                return;
            } catch (SQLException error) {
                if (tries == 120 || !error.getMessage().contains("No nodes available")) throw error;
                Thread.sleep(500);
            }
        }
    }

    static void compare(Connection trino, Connection kubesql) throws SQLException {
        // Labels are columns once pods are watched.
        rows(kubesql, "select count(*) from pods");
        check(rows(trino, "show schemas").contains("[networking.k8s.io]"), "show schemas");
        check(rows(trino, "show tables").contains("[pods]"), "show tables");
        List<String> described = rows(trino, "describe pods");
        for (String column : List.of("name, varchar", "priority, integer", "generation, bigint", "hostnetwork, boolean",
                "creationtimestamp, timestamp(6) with time zone", "labels, json", "finalizers, array(varchar)")) {
            check(described.stream().anyMatch(of -> of.startsWith("[" + column + ", ")), column + " in " + described);
        }
        try (Statement statement = trino.createStatement()) {
            statement.execute("create table memory.default.copied as select uid, name, creationtimestamp from pods");
        }
        for (String[] question : QUESTIONS) {
            same(rows(trino, question[0]), rows(kubesql, question[question.length - 1]), question[0]);
        }
        try (Statement statement = trino.createStatement()) {
            statement.execute("set session kubesql.join_pushdown_enabled = true");
        }
        for (String[] question : HANDED_ON) {
            same(rows(trino, question[0]), rows(kubesql, question[0]), question[0]);
            String asked = "select sql from system.queries where sql like 'SELECT" + question[1] + "'";
            check(!rows(kubesql, asked).isEmpty(), question[0] + " was not handed on: " + question[1]);
        }
        for (String[] question : REFUSED) {
            try (Statement statement = trino.createStatement()) {
                statement.execute(question[0]);
                check(false, question[0] + " was done");
            } catch (SQLException error) {
                check(error.getMessage().contains(question[1]), question[0] + ": " + error.getMessage());
            }
        }
    }

    public static void main(String[] args) throws Exception {
        // The server logs to standard output.
        PrintStream out = System.out;
        int port = start(Path.of(args[0]), args[1]);
        String trino = "jdbc:trino://127.0.0.1:" + port + "/kubesql/kubesql?user=someone";
        String kubesql = "jdbc:postgresql://127.0.0.1:" + args[1] + "/kubesql?user=someone";
        try (Connection through = DriverManager.getConnection(trino);
                Connection direct = DriverManager.getConnection(kubesql)) {
            awaitNode(through);
            compare(through, direct);
            out.println("as expected");
        } catch (SQLException | AssertionError error) {
            out.println(error.getMessage());
            System.exit(1);
        }
        // The threads of the server would keep the process alive.
        System.exit(0);
    }
}
