// PostgreSQL's JDBC driver: metadata, prepared statements, rows fetched in parts, transactions, errors.

import java.sql.*;
import java.util.*;

public class PgJdbc {
    static void check(boolean holds, Object what) {
        if (!holds) throw new AssertionError(String.valueOf(what));
    }

    static List<Map<String, String>> all(ResultSet rows) throws SQLException {
        List<Map<String, String>> found = new ArrayList<>();
        ResultSetMetaData columns = rows.getMetaData();
        while (rows.next()) {
            Map<String, String> row = new HashMap<>();
            for (int at = 1; at <= columns.getColumnCount(); at++) {
                row.put(columns.getColumnLabel(at).toUpperCase(), rows.getString(at));
            }
            found.add(row);
        }
        rows.close();
        return found;
    }

    static Map<String, Map<String, String>> by(String column, List<Map<String, String>> rows) {
        Map<String, Map<String, String>> found = new HashMap<>();
        rows.forEach(row -> found.put(row.get(column), row));
        return found;
    }

    public static void main(String[] args) throws Exception {
        Connection connection = DriverManager.getConnection("jdbc:postgresql://127.0.0.1:" + args[0] + "/kubesql?user=someone");
        DatabaseMetaData meta = connection.getMetaData();
        check(meta.getDatabaseProductName().equals("PostgreSQL"), meta.getDatabaseProductName());
        check(connection.getSchema().equals("kubesql"), connection.getSchema());
        check(by("TABLE_CAT", all(meta.getCatalogs())).keySet().equals(Set.of("kubesql")), "catalogs");
        check(by("TABLE_SCHEM", all(meta.getSchemas())).containsKey("networking.k8s.io"), "schemas");
        check(by("TABLE_TYPE", all(meta.getTableTypes())).containsKey("TABLE"), "types of tables");

        Map<String, Map<String, String>> tables = by("TABLE_NAME", all(meta.getTables(null, "core", "pod%", new String[] {"TABLE"})));
        check(tables.containsKey("pods") && tables.get("pods").get("REMARKS").equals("Pod"), tables.keySet());
        check(by("TABLE_NAME", all(meta.getTables(null, "system", "%", new String[] {"VIEW"}))).containsKey("queries"), "views");
        check(all(meta.getTables(null, null, "%", null)).size() > 1000, "all tables");

        Map<String, Map<String, String>> columns = by("COLUMN_NAME", all(meta.getColumns(null, "kubesql", "pods", "%")));
        check(columns.get("name").get("DATA_TYPE").equals(String.valueOf(Types.VARCHAR)), columns.get("name"));
        check(columns.get("creationtimestamp").get("TYPE_NAME").equals("timestamptz"), columns.get("creationtimestamp"));
        check(columns.get("generation").get("DATA_TYPE").equals(String.valueOf(Types.BIGINT)), columns.get("generation"));
        check(columns.get("labels").get("TYPE_NAME").equals("jsonb"), columns.get("labels"));
        check(columns.get("nodename").get("REMARKS").equals("spec.nodeName"), columns.get("nodename"));
        check(all(meta.getColumns(null, null, "%", "%")).size() > 10000, "all columns");

        for (ResultSet none : List.of(
                meta.getPrimaryKeys(null, "kubesql", "pods"), meta.getImportedKeys(null, "kubesql", "pods"),
                meta.getExportedKeys(null, "kubesql", "pods"), meta.getIndexInfo(null, "kubesql", "pods", false, false),
                meta.getCrossReference(null, "kubesql", "pods", null, "kubesql", "nodes"),
                meta.getBestRowIdentifier(null, "kubesql", "pods", 0, true), meta.getUDTs(null, null, "%", null),
                meta.getProcedures(null, null, "%"), meta.getVersionColumns(null, "kubesql", "pods"))) {
            check(all(none).size() <= 1, "what is not here");
        }
        Map<String, Map<String, String>> types = by("TYPE_NAME", all(meta.getTypeInfo()));
        check(types.get("int8").get("DATA_TYPE").equals(String.valueOf(Types.BIGINT)), types.get("int8"));
        check(types.containsKey("timestamptz") && types.containsKey("jsonb") && types.containsKey("_text"), types.keySet());
        check(by("FUNCTION_NAME", all(meta.getFunctions(null, "kubesql", "%"))).containsKey("quantity"), "functions");
        all(meta.getFunctionColumns(null, "kubesql", "quantity", "%"));
        for (Map<String, String> right : all(meta.getTablePrivileges(null, "kubesql", "pods"))) {
            check(right.get("PRIVILEGE").equals("SELECT"), right);
        }
        check(meta.getSQLKeywords().contains("analyze"), meta.getSQLKeywords());

        // After five runs the driver prepares a statement on the server and asks for binary values.
        String sql = "select name, creationtimestamp, labels, hostnetwork, generation, array['a', null] from pods"
            + " where name > ? and generation >= ? order by name limit ?";
        PreparedStatement prepared = connection.prepareStatement(sql);
        List<String> first = null;
        for (int run = 0; run < 8; run++) {
            prepared.setString(1, "b");
            prepared.setLong(2, 0);
            prepared.setInt(3, 2);
            ResultSet rows = prepared.executeQuery();
            List<String> found = new ArrayList<>();
            while (rows.next()) {
                found.add(rows.getString(1) + rows.getTimestamp(2).toInstant() + rows.getString(3) + rows.getObject(4)
                    + rows.getLong(5) + Arrays.toString((Object[]) rows.getArray(6).getArray()));
            }
            check(found.size() == 2 && (first == null || first.equals(found)), found);
            first = found;
        }
        PreparedStatement list = connection.prepareStatement("select count(*) from nodes where name = any(?)");
        list.setArray(1, connection.createArrayOf("text", new Object[] {"nope", null}));
        ResultSet counted = list.executeQuery();
        check(counted.next() && counted.getLong(1) == 0, "nodes of no name");

        connection.setAutoCommit(false);
        Statement statement = connection.createStatement();
        statement.setFetchSize(50);
        ResultSet rows = statement.executeQuery("select uid, name from pods");
        Set<String> uids = new HashSet<>();
        while (rows.next()) uids.add(rows.getString(1));
        check(uids.size() > 1000, uids.size());
        connection.commit();
        try {
            statement.execute("delete from pods");
            check(false, "it was done");
        } catch (SQLException error) {
            check(error.getSQLState().equals("25006"), error.getSQLState());
        }
        try {
            statement.execute("select 1");
            check(false, "it was answered");
        } catch (SQLException error) {
            check(error.getSQLState().equals("25P02"), error.getSQLState());
        }
        connection.rollback();
        connection.setReadOnly(true);
        connection.setAutoCommit(true);
        check(connection.isValid(5), "it is as good as before");
        connection.close();
        System.out.println("as expected");
    }
}
