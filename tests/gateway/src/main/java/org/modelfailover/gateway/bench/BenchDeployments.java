package org.modelfailover.gateway.bench;

import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.FailoverConfigs;
import org.modelfailover.kit.FailoverConfigs.Candidate;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes the deployment folders that the benches compare: {@code BenchDeployments <folder>
 * <provider's URL> [<another's, that fails> [<certificate as PEM>...]]}, or {@code BenchDeployments
 * --many <number> <folder> <provider's URL>}.
 *
 * <p>{@code send} has no policy; {@code failover} has one with two models of the provider, {@code
 * http2} the same and speaks HTTP/2. With another provider, which is the target and the first the
 * fallback: {@code failing} keeps no knowledge of failures, {@code suspended} keeps it for an hour,
 * {@code recovering} for two seconds, {@code silent} waits a second for an answer.
 *
 * <p>{@code --many} writes as many APIs, {@code send/0000}…, {@code failover/0000}….
 */
public final class BenchDeployments {
    public static final String PROVIDER = "default_production_endpoint";
    private static final String FAILS = "endpoint_that_fails";
    private static final String PASSWORD = "benches";

    /** What sends to providers, with the truststore's place and password. */
    private static final String SENDERS =
            """
            <transportSender name='http'
                class='org.apache.synapse.transport.passthru.PassThroughHttpSender'/>
            <transportSender name='https'
                class='org.apache.synapse.transport.passthru.PassThroughHttpSSLSender'>
              <parameter name='truststore'>
                <TrustStore>
                  <Location>%s</Location>
                  <Type>PKCS12</Type>
                  <Password>%s</Password>
                </TrustStore>
              </parameter>
            </transportSender>
            """;

    private final Path folder;
    private final String provider;
    private final String fails;
    private final String senders;

    private BenchDeployments(Path folder, String provider, String fails, String senders) {
        this.folder = folder;
        this.provider = provider;
        this.fails = fails;
        this.senders = senders;
    }

    /** See the class. */
    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        if (arguments[0].equals("--many")) {
            many(Integer.parseInt(arguments[1]), Path.of(arguments[2]), arguments[3]);
            return;
        }
        Path folder = Path.of(arguments[0]);
        List<Path> certificates = new ArrayList<>();
        for (int i = 3; i < arguments.length; i++) {
            certificates.add(Path.of(arguments[i]));
        }
        String senders = certificates.isEmpty() ? null : senders(folder, certificates);
        String fails = arguments.length > 2 ? arguments[2] : arguments[1];
        BenchDeployments deployments = new BenchDeployments(folder, arguments[1], fails, senders);
        deployments.healthy();
        if (arguments.length > 2) {
            deployments.failing();
        }
    }

    private static void many(int number, Path folder, String provider) {
        for (int i = 0; i < number; i++) {
            String id = String.format("%04d", i);
            for (String way : List.of("send", "failover")) {
                TestDeployment api =
                        TestDeployment.api("Bench" + id, "1.0.0", "/bench" + id + "/1.0.0")
                                .provider("OpenAI")
                                .endpoint(PROVIDER, provider)
                                .headerKey("Authorization", "Bearer sk-bench");
                if (way.equals("failover")) {
                    api.failover(twoModels().attributes());
                }
                api.write(folder.resolve(way).resolve(id));
            }
        }
    }

    private void healthy() {
        api().write(folder.resolve("send"));
        write("failover", twoModels());
        write("http2", twoModels().attribute("http2", "true"));
    }

    private void failing() {
        write("failing", fallback("30", "0"));
        write("suspended", fallback("30", "3600"));
        write("recovering", fallback("30", "2"));
        write("silent", fallback("1", "0"));
    }

    /** A target and a fallback, both at {@link #PROVIDER}. */
    public static FailoverConfigs twoModels() {
        return FailoverConfigs.empty()
                .production(
                        List.of(
                                new Candidate("", "gpt-4o", PROVIDER, "provider"),
                                new Candidate("", "gpt-4o-mini", PROVIDER, "provider")))
                .requestTimeout("30")
                .suspendDuration("60");
    }

    /** From the one that fails to the provider, at once. */
    private static FailoverConfigs fallback(String requestTimeout, String suspendDuration) {
        return FailoverConfigs.empty()
                .production(
                        List.of(
                                new Candidate("", "gpt-4o", FAILS, "fails"),
                                new Candidate("", "gpt-4o-mini", PROVIDER, "provider")))
                .requestTimeout(requestTimeout)
                .suspendDuration(suspendDuration)
                .set("targetRetries", "0");
    }

    private void write(String name, FailoverConfigs configs) {
        api().failover(configs.attributes()).write(folder.resolve(name));
    }

    private TestDeployment api() {
        TestDeployment api =
                TestDeployment.assistant()
                        .endpoint(PROVIDER, provider)
                        .headerKey("Authorization", "Bearer sk-bench")
                        .endpoint(FAILS, fails)
                        .headerKey("Authorization", "Bearer sk-bench");
        return senders == null ? api : api.senders(senders);
    }

    private static String senders(Path folder, List<Path> certificates)
            throws IOException, GeneralSecurityException {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        CertificateFactory reader = CertificateFactory.getInstance("X.509");
        for (Path certificate : certificates) {
            try (InputStream in = Files.newInputStream(certificate)) {
                trusted.setCertificateEntry(
                        certificate.getFileName().toString(), reader.generateCertificate(in));
            }
        }
        Files.createDirectories(folder);
        Path store = folder.resolve("trusted.p12").toAbsolutePath();
        try (OutputStream out = Files.newOutputStream(store)) {
            trusted.store(out, PASSWORD.toCharArray());
        }
        return String.format(SENDERS, store, PASSWORD);
    }
}
