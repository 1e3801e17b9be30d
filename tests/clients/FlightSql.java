// The Flight SQL JDBC driver: connection, metadata, statements, all types, errors, cancelling.
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

public class FlightSql {
    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("useEncryption", "false");
        if (args.length > 1) {
            properties.put("user", args[1]);
            properties.put("password", "anything");
        }
        try (Connection connection = DriverManager.getConnection("jdbc:arrow-flight-sql://" + args[0], properties)) {
            metadata(connection);
            statements(connection);
            types(connection);
            errors(connection);
            cancelling(connection);
        }
    }

    static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData of = connection.getMetaData();
        tell("product", of.getDatabaseProductName());
        tell("read only", of.isReadOnly());
        tell("quote", of.getIdentifierQuoteString());
        tell("full joins", of.supportsFullOuterJoins());
        tell("transactions", of.supportsTransactions());
        tell("unions", of.supportsUnion() && of.supportsUnionAll());
        tell("string functions", of.getStringFunctions().contains("UPPER"));
        tell("forward only", of.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY));
        tell("catalogs", column(of.getCatalogs(), "TABLE_CAT"));
        tell("schemas", column(of.getSchemas(null, "app%"), "TABLE_SCHEM"));
        tell("table types", column(of.getTableTypes(), "TABLE_TYPE"));
        tell("tables", column(of.getTables(null, "apps", "%sets", new String[] {"TABLE"}), "TABLE_NAME"));
        tell("views", column(of.getTables("kubesql", "system", "%", new String[] {"VIEW"}), "TABLE_NAME"));
        tell("unlisted", column(of.getTables(null, "core", "pod_volumes", null), "TABLE_NAME"));
        tell("nothing", column(of.getTables(null, null, "podz", null), "TABLE_NAME"));
        long from = System.nanoTime();
        tell("all tables", column(of.getTables(null, null, "%", null), "TABLE_NAME").size() > 1000);
        long tables = System.nanoTime() - from;
        tell("all columns", column(of.getColumns(null, "core", "%", "nodename"), "TABLE_NAME"));
        System.err.println("all tables in " + tables / 1000000 + " ms, with columns in "
            + (System.nanoTime() - from - tables) / 1000000 + " ms");
        List<String> columns = new ArrayList<>();
        try (ResultSet rows = of.getColumns(null, "core", "pods", "%")) {
            while (rows.next()) {
                String name = rows.getString("COLUMN_NAME");
                if (List.of("name", "creationtimestamp", "generation", "hostnetwork", "labels").contains(name)) {
                    columns.add(name + " " + rows.getString("TYPE_NAME") + " " + rows.getInt("DATA_TYPE"));
                }
            }
        }
        tell("columns", columns);
        tell("primary keys", column(of.getPrimaryKeys(null, "core", "pods"), "COLUMN_NAME"));
        tell("imported keys", column(of.getImportedKeys(null, "core", "pods"), "FKCOLUMN_NAME"));
    }

    static void statements(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery("select name from nodes order by name limit 2");
            tell("nodes", column(rows, "name").size());
            tell("empty", column(statement.executeQuery("select name from pods where false"), "name"));
            tell("set", statement.execute("set kubesql.partial = on") + " " + statement.getUpdateCount());
            tell("setting", column(statement.executeQuery("show kubesql.partial"), "kubesql.partial"));
            statement.executeUpdate("reset kubesql.partial");
            tell("reset", column(statement.executeQuery("show kubesql.partial"), "kubesql.partial"));
        }
        try (Statement statement = connection.createStatement()) {
            long rows = 0;
            try (ResultSet all = statement.executeQuery(
                "select p.name, p.labels, i.value from pods p, generate_series(1, 20) i(value)")) {
                while (all.next()) {
                    rows++;
                }
            }
            tell("many rows", rows > 30000);
        }
        try (PreparedStatement statement = connection.prepareStatement(
            "select name, generation from pods where generation >= ? and name > ? order by name limit ?")) {
            for (long limit = 1; limit <= 3; limit++) {
                statement.setLong(1, 1);
                statement.setString(2, "b");
                statement.setLong(3, limit);
                tell("prepared", column(statement.executeQuery(), "name").size());
            }
            tell("parameters", statement.getParameterMetaData().getParameterCount());
        }
    }

    static void types(Connection connection) throws SQLException {
        String sql = "select 'ü' as text, cast(null as text) as nothing, true as yes, cast(7 as int) as small, "
            + "9007199254740993 as big, 0.25::float8 as float, timestamp '2026-01-02 03:04:05.678901' as plain, "
            + "cast('2026-01-02T03:04:05.678901Z' as timestamptz) as zoned, date '2026-01-02' as day, "
            + "array['a', null] as texts, interval '1 day' as span, cast(1.50 as decimal(10, 2)) as money, "
            + "null as untyped, (select labels from nodes order by name limit 1) as labels, "
            + "arrow_cast('x', 'Dictionary(Int32, Utf8)') as word, decode('ff', 'hex') as bytes, named_struct('a', 1) as parts";
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            for (int at = 1; at <= rows.getMetaData().getColumnCount(); at++) {
                // The driver has no default class for times with a zone.
                boolean zoned = rows.getMetaData().getColumnType(at) == java.sql.Types.TIMESTAMP_WITH_TIMEZONE;
                Object value = zoned ? rows.getObject(at, java.time.OffsetDateTime.class) : rows.getObject(at);
                String shown = value instanceof java.sql.Array list ? list(list)
                    : value instanceof byte[] bytes ? bytes.length + " bytes"
                    : value instanceof java.util.Map<?, ?> map ? "map of " + (map.size() > 0) : String.valueOf(value);
                tell("type of " + rows.getMetaData().getColumnName(at),
                    rows.getMetaData().getColumnTypeName(at) + " " + shown);
            }
        }
    }

    static String list(java.sql.Array array) throws SQLException {
        return java.util.Arrays.toString((Object[]) array.getArray());
    }

    static void errors(Connection connection) throws SQLException {
        for (String sql : List.of("selec 1", "select * from podz", "select nam from pods", "delete from pods",
            "select 1 intersect all select 1", "select 1 / (select 0)")) {
            try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
                while (rows.next()) {
                }
                tell("error", "none of " + sql);
            } catch (Exception error) {
                StringBuilder all = new StringBuilder();
                for (Throwable of = error; of != null; of = of.getCause()) {
                    all.append(of.getMessage()).append(" ");
                }
                tell("error", all.toString().replace("\n", " "));
            }
        }
        try (Statement statement = connection.createStatement()) {
            tell("after errors", column(statement.executeQuery("select 7 as seven"), "seven"));
        }
    }

    static void cancelling(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            Thread other = new Thread(() -> {
                try {
                    Thread.sleep(1000);
                    statement.cancel();
                } catch (Exception error) {
                    tell("cancelling", error);
                }
            });
            other.start();
            String outcome = "answered";
            try (ResultSet rows = statement.executeQuery("select count(*) from generate_series(1, 1000000) a(value), "
                + "generate_series(1, 1000000) b(value), generate_series(1, 1000000) c(value) where a.value + b.value < c.value")) {
                rows.next();
            } catch (Exception error) {
                outcome = "stopped";
            }
            other.join();
            tell("cancelled", outcome);
        }
    }

    static List<String> column(ResultSet rows, String name) throws SQLException {
        List<String> values = new ArrayList<>();
        try (rows) {
            while (rows.next()) {
                values.add(rows.getString(name));
            }
        }
        return values;
    }

    static void tell(String what, Object value) {
        System.out.println(what + ": " + value);
    }
}
