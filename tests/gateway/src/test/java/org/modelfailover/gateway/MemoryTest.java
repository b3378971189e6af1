package org.modelfailover.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.modelfailover.executor.Executor;
import org.modelfailover.kit.AnswerPolicies;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.LogCapture;
import org.modelfailover.kit.RawClient;
import org.modelfailover.kit.ScriptedProvider;
import org.modelfailover.kit.ThisProcess;
import org.modelfailover.kit.Until;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What providers and clients send is held within {@code max_answer_body} and {@code max_memory}.
 */
class MemoryTest extends GatewayTest {
    private static final int MIB = 1 << 20;
    private static final String READS = AnswerPolicies.xml(AnswerPolicies.ReadsBody.class);

    /** Whatever a test did. */
    @AfterEach
    void nothingIsHeld() {
        Until.is("bytes that are held", Executor::bufferedBytes, held -> held == 0);
    }

    private static ScriptedProvider endless(String status, String contentType) {
        byte[] piece = ScriptedProvider.chunk(" ".repeat(64 << 10));
        return new ScriptedProvider(
                (head, body, out) -> {
                    out.write(
                            ScriptedProvider.head(
                                    "HTTP/1.1 "
                                            + status
                                            + "\nContent-Type: "
                                            + contentType
                                            + "\nTransfer-Encoding: chunked"));
                    // Until the gateway ends the connection.
                    for (long sent = 0; sent < 4L << 30; sent += piece.length) {
                        out.write(piece);
                    }
                });
    }

    private TestDeployment api(ScriptedProvider scripted) {
        return api().endpoint("one", closing(scripted).url());
    }

    /** A stream that no format knows, of so many pieces of 1,000 bytes. */
    private static ScriptedProvider song(int pieces) {
        return new ScriptedProvider(
                (head, body, out) -> {
                    out.write(
                            ScriptedProvider.head(
                                    "HTTP/1.1 200 OK\nContent-Type: text/plain\n"
                                            + "Transfer-Encoding: chunked"));
                    byte[] piece = ScriptedProvider.chunk("a song ..".repeat(111) + "\n");
                    for (int i = 0; i < pieces; i++) {
                        out.write(piece);
                    }
                    out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                });
    }

    @ParameterizedTest
    @ValueSource(strings = {"200 OK", "400 Bad Request", "500 Oh"})
    void anAnswerWithoutAnEndCostsNoMoreThanIsSetAndTheNextCandidateAnswers(String status)
            throws IOException {
        deploy(
                api(endless(status, "application/json"))
                        .endpoint("two", provider("fallback").url()),
                FailoverConfigs.target("gpt", "one")
                        .fallback("gpt-mini", "two")
                        .attribute("maxAnswerBody", "16MiB"));
        long before = ThisProcess.memory();

        assertServedBy("fallback", ask(chat("gpt")));

        long more = ThisProcess.memory() - before;
        assertTrue(more < 150L * MIB, "it took " + more / MIB + " MiB");
    }

    @Test
    void whatIsBeyondTheMemoryIsA503WithRetryAfterAndOneWarningNamesTheSetting() {
        deploy(
                api(endless("200 OK", "application/json")),
                FailoverConfigs.target("gpt", "one").attribute("maxMemory", "1MiB"));
        try (LogCapture log = new LogCapture()) {
            // A test before this one can have used up the line of its ten seconds.
            Until.is(
                    "a warning",
                    () -> {
                        RawClient.Answer answer = ask(chat("gpt"));
                        assertEquals(503, answer.status(), answer.text());
                        assertEquals("1", answer.header("Retry-After"));
                        assertTrue(answer.text().contains("max_memory"), answer.text());
                        return log.lines("WARN", "reached max_memory");
                    },
                    lines -> lines.size() == 1);
            for (int i = 0; i < 5; i++) {
                assertEquals(503, ask(chat("gpt")).status());
            }
            assertEquals(1, log.lines("WARN", "reached max_memory").size());
        }
    }

    @Test
    void aRequestBeyondTheMemoryIsA503WithRetryAfterToo() {
        deploy(
                api(provider("target")),
                FailoverConfigs.target("gpt", "one").attribute("maxMemory", "100KiB"));
        String large = chat("gpt").replace("hi", "x".repeat(200 << 10));

        RawClient.Answer answer = ask(large);

        assertEquals(503, answer.status(), answer.text());
        assertEquals("1", answer.header("Retry-After"));
        assertTrue(answer.text().contains("max_memory"), answer.text());
        assertServedBy("target", ask(chat("gpt")));
    }

    @Test
    void aCollectedStreamIsHeldOnlyUntilItIsDelivered() {
        deploy(
                api(song(5000)).responsePolicy(READS),
                FailoverConfigs.target("gpt", "one").attribute("maxAnswerBody", "5000000"));
        RawClient client = client();
        for (int i = 0; i < 3; i++) {
            RawClient.Answer answer = client.post(streamed("gpt")).answer();
            assertEquals(200, answer.status(), answer.text());
            assertEquals(5_000_000, answer.text().length());
            Until.is("bytes that are held", Executor::bufferedBytes, held -> held == 0);
        }
    }

    @Test
    void aCollectedStreamThatIsLargerThanIsSetIsA502() {
        deploy(
                api(song(5001)).responsePolicy(READS),
                FailoverConfigs.target("gpt", "one").attribute("maxAnswerBody", "5000000"));

        RawClient.Answer answer = ask(streamed("gpt"));

        assertEquals(502, answer.status(), answer.text());
        assertNull(answer.header("Retry-After"));
    }

    @Test
    void aCollectedStreamWithoutRoomIsA503() {
        deploy(
                api(song(100_000)).responsePolicy(READS),
                FailoverConfigs.target("gpt", "one").attribute("maxMemory", "2MiB"));

        RawClient.Answer answer = ask(streamed("gpt"));

        assertEquals(503, answer.status(), answer.text());
        assertEquals("1", answer.header("Retry-After"));
    }

    @Test
    void aCollectedStreamWhoseClientLeavesIsLetGo() {
        byte[] piece = ScriptedProvider.chunk("a song ..".repeat(111) + "\n");
        ScriptedProvider slow =
                new ScriptedProvider(
                        (head, body, out) -> {
                            out.write(
                                    ScriptedProvider.head(
                                            "HTTP/1.1 200 OK\nContent-Type: text/plain\n"
                                                    + "Transfer-Encoding: chunked"));
                            for (int i = 0; i < 30_000; i++) {
                                out.write(piece);
                            }
                            out.flush();
                            Thread.sleep(60_000);
                        });
        deploy(api(slow).responsePolicy(READS), FailoverConfigs.target("gpt", "one"));
        RawClient client = client().post(streamed("gpt"));
        Until.is("held", Executor::bufferedBytes, held -> held > 29_000_000);

        client.reset();
    }

    @Test
    void aCollectedStreamThatItsClientIsSlowToTakeIsLetGoBitByBit() {
        // Needed, as far as can be told at deployment, and never looked at.
        String unread =
                "<filter source=\"get-property('a')\" regex=\"b\"><then><log level=\"full\"/>"
                        + "</then><else/></filter>";
        deploy(
                api(song(60_000)).responsePolicy(unread),
                FailoverConfigs.target("gpt", "one").attribute("maxMemory", "200MiB"));
        RawClient client = closing(new RawClient(gateway.port(), 256 << 10));
        client.post(streamed("gpt"));
        client.readHead();
        long whole = Executor.bufferedBytes();
        assertTrue(whole > 40_000_000, whole + " bytes are held");

        for (int read = 0; read < 30_000_000; read += client.readChunk().length) {}

        Until.is("held", Executor::bufferedBytes, held -> held < 31_000_000);
        client.reset();
    }

    @Test
    void aGatewayWithASmallHeapOutlivesManyAnswersWithoutAnEnd() throws Exception {
        api(endless("200 OK", "application/json"))
                .failover(FailoverConfigs.target("gpt", "one").attributes())
                .write(folder);
        ProcessBuilder builder = new ProcessBuilder("./driver", folder.toString(), "0");
        builder.environment().put("JAVA_OPTS", "-Xmx256m");
        Process driver = builder.redirectError(folder.resolve("stderr").toFile()).start();
        closing(driver::destroyForcibly);
        BufferedReader output =
                new BufferedReader(
                        new InputStreamReader(driver.getInputStream(), StandardCharsets.UTF_8));
        String url = output.readLine();
        int port = Integer.parseInt(url.replaceAll(".*:(\\d+)/.*", "$1"));
        long before = peak(driver);

        List<RawClient> clients = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            clients.add(closing(new RawClient(port)).post(chat("gpt")));
        }
        for (RawClient client : clients) {
            RawClient.Answer answer = client.answer();
            assertTrue(answer.status() == 502 || answer.status() == 503, answer.text());
        }

        long more = peak(driver) - before;
        assertTrue(more < 400L * MIB, "30 answers without an end took " + more / MIB + " MiB");
        assertTrue(driver.isAlive(), Files.readString(folder.resolve("stderr")));
    }

    /** The most memory that a process has had. */
    private static long peak(Process process) throws IOException {
        Path status = Path.of("/proc/" + process.pid() + "/status");
        String line =
                Files.readAllLines(status).stream()
                        .filter(one -> one.startsWith("VmHWM:"))
                        .findFirst()
                        .orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
    }
}
