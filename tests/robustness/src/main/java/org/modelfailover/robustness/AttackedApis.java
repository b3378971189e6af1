package org.modelfailover.robustness;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.ScriptedProvider;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * The APIs that are attacked, once with the policy and once without, and the providers behind them:
 * a good one for everybody, and one that does what the header {@code x-evil} of a request asks for.
 */
final class AttackedApis implements AutoCloseable {
    static final String GOOD = "good";

    /** What innocent callers ask for. */
    static final String MODEL = "gpt-4o~told";

    /** What the evil provider's API has as its model. */
    static final String EVIL_MODEL = "evil";

    /** The evil provider's, in a policy that remembers. */
    static final String HINTED_MODEL = "hinted";

    /** The evil provider's, in a policy without a fallback. */
    static final String ALONE_MODEL = "alone";

    /** API Manager's own default is twice that. */
    static final int HEAP_MIB = 512;

    /** As many clients as this can hold all workers, where each client holds one. */
    static final int WORKERS = 60;

    private static final String CHUNKED =
            "HTTP/1.1 %s\nTransfer-Encoding: chunked\nContent-Type: %s";

    final ProviderProcess good = ProviderProcess.start(GOOD);
    final ScriptedProvider evil = new ScriptedProvider(AttackedApis::misbehave);
    private final Path folder;

    AttackedApis(Path folder) {
        this.folder = folder;
    }

    /** A process with one gateway for everything, with the policy. */
    GatewayProcess withPolicy() throws IOException {
        TestDeployment api =
                api("Attacked")
                        .endpoint(GOOD, good.url())
                        .asDefault()
                        .headerKey("Authorization", "Bearer sk-good")
                        .endpoint("evil", evil.url())
                        .headerKey("Authorization", "Bearer sk-evil")
                        .endpoint("spare", good.url());
        api.failover(
                FailoverConfigs.target(MODEL, GOOD)
                        .fallback("spare~told", "spare")
                        .suspendDuration("30")
                        .attributes());
        api.failover(
                FailoverConfigs.target(EVIL_MODEL, "evil")
                        .fallback("spare~told", "spare")
                        .requestTimeout("30")
                        .attribute("uploadTimeout", "5s")
                        .attributes());
        api.failover(
                FailoverConfigs.target(HINTED_MODEL, "evil")
                        .fallback("spare~told", "spare")
                        .suspendDuration("30")
                        .attributes());
        api.failover(FailoverConfigs.target(ALONE_MODEL, "evil").attributes());
        api.write(folder.resolve("with"));
        return start("with", List.of(folder.resolve("with")));
    }

    /**
     * A process with two gateways: without the policy it takes an API to reach the evil provider.
     */
    GatewayProcess withoutPolicy() throws IOException {
        api("Good").endpoint(GOOD, good.url()).write(folder.resolve("good"));
        api("Evil").endpoint("evil", evil.url()).write(folder.resolve("evil"));
        return start("without", List.of(folder.resolve("good"), folder.resolve("evil")));
    }

    private static TestDeployment api(String name) {
        return TestDeployment.api(name, "1.0.0", "/assistant/1.0.0");
    }

    private GatewayProcess start(String name, List<Path> folders) throws IOException {
        Path log = folder.resolve(name + ".log");
        Files.deleteIfExists(log);
        return GatewayProcess.start(
                log,
                List.of(
                        "-Xmx" + HEAP_MIB + "m",
                        "-Dworker_pool_size_core=" + WORKERS,
                        "-Dworker_pool_size_max=" + WORKERS),
                folders);
    }

    private static void misbehave(String head, byte[] body, OutputStream out)
            throws IOException, InterruptedException {
        String how = head.replaceFirst("(?is).*\r\nx-evil: (\\S+).*", "$1");
        switch (how) {
            case "answer":
                endless(out, String.format(CHUNKED, "200 OK", "application/json"), "{\"pad\":\"");
                break;
            case "error":
                endless(out, String.format(CHUNKED, "500 No", "application/json"), "{\"error\":\"");
                break;
            case "header":
                out.write("HTTP/1.1 200 OK\r\nx-pad: ".getBytes(StandardCharsets.US_ASCII));
                forEver(out, "x".repeat(Pace.PIECE).getBytes(StandardCharsets.US_ASCII));
                break;
            case "flood":
                out.write(ScriptedProvider.head(stream()));
                forEver(out, ScriptedProvider.chunk(event("word ").repeat(Pace.PIECE / 200)));
                break;
            case "held":
                out.write(ScriptedProvider.head(stream()));
                forEver(out, ScriptedProvider.chunk("data: " + "x".repeat(Pace.PIECE)));
                break;
            case "choices":
                out.write(ScriptedProvider.head(stream()));
                out.write(ScriptedProvider.chunk(event("one")));
                Pace.send(MANY_CHOICES, out::write);
                Pace.send(MANY_CHOICES, out::write);
                out.write(ScriptedProvider.chunk("data: [DONE]\n\n"));
                out.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                break;
            case "cut":
                out.write(ScriptedProvider.head(stream()));
                out.write(ScriptedProvider.chunk(event("one")));
                out.flush();
                LockSupport.parkNanos(50_000_000);
                break;
            case "nested":
                out.write(ScriptedProvider.head(ok(NESTED.length)));
                Pace.send(NESTED, out::write);
                break;
            case "hint":
                out.write(
                        ScriptedProvider.head(
                                ok(ANSWER.length())
                                        + "\nx-ratelimit-remaining-requests: 0"
                                        + "\nx-ratelimit-reset-requests: 1e22"));
                out.write(ANSWER.getBytes(StandardCharsets.US_ASCII));
                break;
            case "status":
                out.write(ScriptedProvider.head(ok(2).replace("200 OK", "799 Odd")));
                out.write("{}".getBytes(StandardCharsets.US_ASCII));
                break;
            default:
                // Silent, for as long as somebody waits.
                Thread.sleep(120_000);
        }
        out.flush();
    }

    private static final String ANSWER =
            "{\"id\":\"e\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":"
                    + "{\"role\":\"assistant\",\"content\":\"ok\"},\"finish_reason\":\"stop\"}]}";

    private static final byte[] NESTED = "[".repeat(8 << 20).getBytes(StandardCharsets.US_ASCII);

    private static final byte[] MANY_CHOICES = ScriptedProvider.chunk(manyChoices(300_000));

    private static String manyChoices(int count) {
        StringBuilder event = new StringBuilder(6 << 20);
        event.append("data: {\"id\":\"e\",\"object\":\"chat.completion.chunk\",\"choices\":[");
        for (int i = 0; i < count; i++) {
            event.append(i == 0 ? "" : ",").append("{\"index\":").append(i).append('}');
        }
        return event.append("]}\n\n").toString();
    }

    private static String stream() {
        return String.format(CHUNKED, "200 OK", "text/event-stream");
    }

    private static String ok(int length) {
        return "HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: " + length;
    }

    private static String event(String word) {
        return "data: {\"id\":\"e\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
                + "\"delta\":{\"content\":\""
                + word
                + "\"},\"finish_reason\":null}]}\n\n";
    }

    private static void endless(OutputStream out, String head, String begin) throws IOException {
        out.write(ScriptedProvider.head(head));
        out.write(ScriptedProvider.chunk(begin));
        forEver(out, ScriptedProvider.chunk("x".repeat(Pace.PIECE)));
    }

    private static void forEver(OutputStream out, byte[] piece) throws IOException {
        while (!Thread.currentThread().isInterrupted()) {
            out.write(piece);
            out.flush();
            Pace.pause();
        }
    }

    @Override
    public void close() {
        evil.close();
        good.close();
    }
}
