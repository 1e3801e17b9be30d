// The JDBC drivers of Presto and Trino; prints one `what: value` on each line. The first argument is the URL.

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

public class PrestoJdbc {
    static List<String> column(ResultSet rows, String name) throws SQLException {
        List<String> values = new ArrayList<>();
        while (rows.next()) {
            values.add(rows.getString(name));
        }
        return values;
    }

    static void say(String name, Object value) {
        System.out.println(name + ": " + value);
    }

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "somebody");
        try (Connection connection = DriverManager.getConnection(args[0], properties)) {
            DatabaseMetaData metadata = connection.getMetaData();
            say("catalogs", column(metadata.getCatalogs(), "TABLE_CAT"));
            say("schemas", column(metadata.getSchemas("kubesql", "a%s"), "TABLE_SCHEM"));
            say("tables", column(metadata.getTables("kubesql", "kubesql", "pod\\_t%", null), "TABLE_NAME"));
            say("views", column(metadata.getTables("kubesql", "system", "%", new String[] {"VIEW"}), "TABLE_NAME"));
            List<String> columns = new ArrayList<>();
            ResultSet found = metadata.getColumns("kubesql", "kubesql", "pods", "%name%");
            while (found.next()) {
                columns.add(found.getString("COLUMN_NAME") + " " + found.getString("TYPE_NAME") + " "
                    + found.getInt("DATA_TYPE"));
            }
            say("columns", columns);
            say("labels", column(metadata.getColumns("kubesql", "kubesql", "pods", "labels.app%"), "COLUMN_NAME").size() > 0);
            say("all columns", column(metadata.getColumns("kubesql", "core", "%", "%"), "COLUMN_NAME").size() > 1000);
            say("types", column(metadata.getTypeInfo(), "TYPE_NAME").contains("bigint"));
            say("table types", column(metadata.getTableTypes(), "TABLE_TYPE"));
            say("procedures", column(metadata.getProcedures(null, null, null), "PROCEDURE_NAME"));

            try (Statement statement = connection.createStatement()) {
                ResultSet rows = statement.executeQuery("select name, creationtimestamp, \"allocatable.cpu\","
                    + " \"allocatable.memory\", unschedulable, port, labels, array['a', null], date '2020-05-12',"
                    + " count(*) over () from nodes order by name limit 1");
                ResultSetMetaData of = rows.getMetaData();
                List<String> names = new ArrayList<>();
                for (int at = 1; at <= of.getColumnCount(); at++) {
                    names.add(of.getColumnLabel(at) + " " + of.getColumnTypeName(at));
                }
                say("names", names);
                rows.next();
                say("name", rows.getString(1));
                say("created", rows.getTimestamp(2).toInstant());
                say("cpu", rows.getDouble(3));
                say("memory", rows.getLong(4));
                say("unschedulable", rows.getObject(5));
                say("port", rows.getInt("port"));
                say("labels class", rows.getObject(7) instanceof java.util.Map);
                say("array", java.util.Arrays.toString((Object[]) rows.getArray(8).getArray()));
                say("date", rows.getDate(9));
                say("count", rows.getLong("_col9"));
            }
            String sql = "select count(*), ? as text, ? as whole, ? as part, ? as is, ? as none from pods"
                + " where phase = ? and creationtimestamp > ?";
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                statement.setString(1, "it's ?");
                statement.setLong(2, 42);
                statement.setDouble(3, -0.5);
                statement.setBoolean(4, true);
                statement.setNull(5, java.sql.Types.VARCHAR);
                statement.setString(6, "Running");
                statement.setTimestamp(7, Timestamp.valueOf("2020-01-01 00:00:00"));
                for (int times = 0; times < 2; times++) {
                    ResultSet rows = statement.executeQuery();
                    rows.next();
                    say("prepared", rows.getLong(1) + " " + rows.getString(2) + " " + rows.getLong(3) + " "
                        + rows.getDouble(4) + " " + rows.getBoolean(5) + " " + rows.getString(6));
                }
                say("prepared columns", statement.getMetaData().getColumnCount());
            }
            try (PreparedStatement statement = connection.prepareStatement("select name from nodes limit ?")) {
                try {
                    ParameterMetaData parameters = statement.getParameterMetaData();
                    say("parameters", parameters.getParameterCount() + " " + parameters.getParameterTypeName(1));
                } catch (SQLException error) {
                    say("parameters", "unknown to this driver");
                }
                statement.setInt(1, 3);
                say("limited", column(statement.executeQuery(), "name").size());
            }
            try (Statement statement = connection.createStatement()) {
                say("is a query", statement.execute("set session kubesql.partial = 'on'"));
                say("session", column(statement.executeQuery("show session like 'kubesql%'"), "Value"));
                statement.execute("use core");
                say("schema", connection.getSchema());
                say("tables there", column(statement.executeQuery("show tables like 'container_env'"), "Table"));
                statement.execute("reset session kubesql.partial");
                say("session", column(statement.executeQuery("show session like 'kubesql%'"), "Value"));
            }
            for (String wrong : new String[] {"select * from podz", "selec 1", "select 1 / 0", "delete from pods"}) {
                try (Statement statement = connection.createStatement()) {
                    statement.executeQuery(wrong);
                    say("no error", wrong);
                } catch (SQLException error) {
                    say("error", error.getErrorCode() + " " + error.getMessage().replaceAll("\\(#[^)]*\\)", "(#)"));
                }
            }
            try (Statement statement = connection.createStatement()) {
                ResultSet rows = statement.executeQuery("select value from generate_series(1, 300000)");
                long sum = 0;
                while (rows.next()) {
                    sum += rows.getLong(1);
                }
                say("sum", sum);
            }
            try (Statement statement = connection.createStatement()) {
                Thread canceller = new Thread(() -> {
                    try {
                        Thread.sleep(500);
                        statement.cancel();
                    } catch (Exception error) {
                        say("not cancelled", error);
                    }
                });
                canceller.start();
                try {
                    ResultSet rows = statement.executeQuery("select count(*) from generate_series(1, 1000000) a(value),"
                        + " generate_series(1, 1000000) b(value), generate_series(1, 1000000) c(value)"
                        + " where a.value + b.value < c.value");
                    rows.next();
                    say("cancelled", false);
                } catch (SQLException error) {
                    say("cancelled", true);
                }
                canceller.join();
            }
        }
    }
}
