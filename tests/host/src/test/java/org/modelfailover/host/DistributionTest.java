package org.modelfailover.host;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.wso2.carbon.apimgt.api.model.OperationPolicyData;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** What {@code packaging/build-dist.sh} makes is what API Manager and apictl read. */
class DistributionTest {
    private static final String HOME = "model-failover-9.9.9/";
    private static final byte[] JAR = "stands for the bundle".getBytes(StandardCharsets.UTF_8);

    @TempDir static Path temp;

    private static Path first;

    @BeforeAll
    static void build() throws Exception {
        first = buildInto("first");
    }

    @Test
    void theArchiveHoldsExactlyTheseFiles() throws IOException {
        assertEquals(
                new TreeSet<>(
                        List.of(
                                HOME + "CHANGELOG.md",
                                HOME + "LICENSE",
                                HOME + "NOTICE",
                                HOME + "README-INSTALL.md",
                                HOME + "SHA256SUMS",
                                HOME + "images/Dockerfile",
                                HOME + "images/values.yaml",
                                HOME + "install.sh",
                                HOME + "installer/check.sh",
                                HOME + "installer/files.sh",
                                HOME + "installer/install.sh",
                                HOME + "installer/restore.sh",
                                HOME + "monitoring/alerts.yml",
                                HOME + "monitoring/alerts_test.yml",
                                HOME + "monitoring/grafana-dashboard.json",
                                HOME + "monitoring/jmx_exporter.yml",
                                HOME + "policies.sh",
                                HOME + "dropins/model-failover-9.9.9.jar",
                                HOME + "operation_policies/specifications/modelFailover_v2.json",
                                HOME + "operation_policies/definitions/modelFailover_v2.j2",
                                HOME + "apictl/modelFailover/modelFailover.json",
                                HOME + "apictl/modelFailover/modelFailover.j2",
                                HOME + "apictl/modelFailover.zip",
                                HOME
                                        + "operation_policies/specifications/modelFailoverSettings_v1.json",
                                HOME + "operation_policies/definitions/modelFailoverSettings_v1.j2",
                                HOME + "apictl/modelFailoverSettings/modelFailoverSettings.json",
                                HOME + "apictl/modelFailoverSettings/modelFailoverSettings.j2",
                                HOME + "apictl/modelFailoverSettings.zip")),
                names(first.resolve("model-failover-9.9.9.zip")));
    }

    /** The host finds the definition of a file drop by {@code <name>_<version>.j2}. */
    @Test
    void theFileDropIsTheSourceUnchanged() throws IOException {
        JsonObject specification = Policy.specification();
        String base =
                specification.get("name").getAsString()
                        + "_"
                        + specification.get("version").getAsString();
        assertEquals(
                Policy.specificationText(),
                entry("operation_policies/specifications/" + base + ".json"));
        assertEquals(Policy.template(), entry("operation_policies/definitions/" + base + ".j2"));
    }

    @Test
    void theApictlSpecificationIsWrapped() throws IOException {
        JsonObject wrapped =
                JsonParser.parseString(entry("apictl/modelFailover/modelFailover.json"))
                        .getAsJsonObject();
        assertEquals(List.of("type", "version", "data"), List.copyOf(wrapped.keySet()));
        assertEquals("operation_policy_specification", wrapped.get("type").getAsString());
        assertEquals("v4.5.0", wrapped.get("version").getAsString());
        assertEquals(Policy.specification(), wrapped.get("data"));
        assertEquals(Policy.template(), entry("apictl/modelFailover/modelFailover.j2"));
    }

    /** The host takes the folder from the first entry's path and the files by the folder's name. */
    @Test
    void theApictlArchiveIsOneFolderNamedLikeItsFiles() throws IOException {
        Path zip = temp.resolve("modelFailover.zip");
        Files.write(zip, bytes("apictl/modelFailover.zip"));
        assertEquals(
                new TreeSet<>(
                        List.of(
                                "modelFailover/modelFailover.j2",
                                "modelFailover/modelFailover.json")),
                names(zip));
        for (String name : names(zip)) {
            assertArrayEquals(bytes("apictl/" + name), bytes(zip, name), name);
        }
    }

    @Test
    void apiManagerImportsTheApictlArchive() throws Exception {
        OperationPolicyData stored =
                ApiManager.importedFrom(
                        new ByteArrayInputStream(bytes("apictl/modelFailover.zip")));
        assertEquals(Policy.template(), stored.getSynapsePolicyDefinition().getContent());
        assertEquals(
                new Gson().toJsonTree(ApiManager.specification(Policy.specificationText())),
                new Gson().toJsonTree(stored.getSpecification()));
    }

    @Test
    void apiManagerImportsTheCompanionsArchiveToo() throws Exception {
        OperationPolicyData stored =
                ApiManager.importedFrom(
                        new ByteArrayInputStream(bytes("apictl/modelFailoverSettings.zip")));
        assertEquals("modelFailoverSettings", stored.getSpecification().getName());
        assertEquals(
                entry("operation_policies/definitions/modelFailoverSettings_v1.j2"),
                stored.getSynapsePolicyDefinition().getContent());
    }

    /** Why the archive has the shape it has; and that an import can fail. */
    @Test
    void apiManagerRefusesArchivesOfAnotherShape() throws IOException {
        byte[] wrapped = bytes("apictl/modelFailover/modelFailover.json");
        byte[] bare = bytes("operation_policies/specifications/modelFailover_v2.json");
        byte[] template = bytes("apictl/modelFailover/modelFailover.j2");
        refused("configElement", Map.of("p/p.json", bare, "p/p.j2", template));
        refused("Definition file should be present", Map.of("p/p.json", wrapped));
        for (Map<String, byte[]> notFound :
                List.of(
                        Map.of("p/modelFailover.json", wrapped, "p/modelFailover.j2", template),
                        Map.of("p/p.yml", wrapped, "p/p.j2", template),
                        Map.of("p.json", wrapped, "p.j2", template))) {
            refused("Specification Cannot be null", notFound);
        }
    }

    private static void refused(String because, Map<String, byte[]> files) throws IOException {
        ByteArrayOutputStream zip = new ByteArrayOutputStream();
        try (ZipOutputStream out = new ZipOutputStream(zip)) {
            for (Map.Entry<String, byte[]> file : new TreeMap<>(files).entrySet()) {
                out.putNextEntry(new ZipEntry(file.getKey()));
                out.write(file.getValue());
            }
        }
        Exception refusal =
                assertThrows(
                        Exception.class,
                        () -> ApiManager.importedFrom(new ByteArrayInputStream(zip.toByteArray())),
                        files.keySet()::toString);
        assertTrue(refusal.getMessage().contains(because), refusal::toString);
    }

    @Test
    void theBundleIsTheOneGiven() throws IOException {
        assertArrayEquals(JAR, bytes("dropins/model-failover-9.9.9.jar"));
    }

    @Test
    void theReadmeNamesTheVersion() throws IOException {
        String readme = entry("README-INSTALL.md");
        assertTrue(readme.contains("model-failover-9.9.9"), readme);
        assertTrue(!readme.contains("@VERSION@"), readme);
    }

    @Test
    void twoBuildsAreIdentical() throws Exception {
        // DOS times in a zip have a resolution of two seconds.
        Thread.sleep(2100);
        Path second = buildInto("second");
        for (String name : List.of("model-failover-9.9.9.zip", "model-failover-9.9.9.tar.gz")) {
            assertEquals(-1, Files.mismatch(first.resolve(name), second.resolve(name)), name);
        }
    }

    private static Path buildInto(String name) throws Exception {
        Path bundle = temp.resolve(name + ".jar");
        Files.write(bundle, JAR);
        Path out = temp.resolve(name);
        ProcessBuilder builder =
                new ProcessBuilder(
                        "bash",
                        Policy.projectFile("packaging/build-dist.sh").toString(),
                        "9.9.9",
                        bundle.toString(),
                        out.toString());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.redirectErrorStream(true);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), output);
        return out;
    }

    private static TreeSet<String> names(Path zip) throws IOException {
        try (ZipFile file = new ZipFile(zip.toFile())) {
            TreeSet<String> names = new TreeSet<>();
            for (ZipEntry entry : Collections.list(file.entries())) {
                assertTrue(names.add(entry.getName()), entry::getName);
            }
            return names;
        }
    }

    private static String entry(String name) throws IOException {
        return new String(bytes(name), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String name) throws IOException {
        return bytes(first.resolve("model-failover-9.9.9.zip"), HOME + name);
    }

    private static byte[] bytes(Path zip, String name) throws IOException {
        try (ZipFile file = new ZipFile(zip.toFile());
                InputStream in = file.getInputStream(file.getEntry(name))) {
            return in.readAllBytes();
        }
    }
}
