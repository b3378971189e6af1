package org.modelfailover.gateway;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** Key stores made by the JDK's keytool, all with one password. */
final class Stores {
    static final String PASSWORD = "store-secret-4711";

    private final Path folder;

    Stores(Path folder) {
        this.folder = folder;
    }

    Path file(String name) {
        return folder.resolve(name);
    }

    /**
     * A key with a certificate that it signed itself: {@code <name>.p12} and {@code <name>.crt}.
     */
    Path key(String name, String commonName, String... extensions) {
        Path store = file(name + ".p12");
        List<String> arguments =
                new ArrayList<>(List.of("-genkeypair", "-alias", name, "-keyalg", "EC", "-dname"));
        arguments.add("CN=" + commonName);
        for (String extension : extensions) {
            arguments.addAll(List.of("-ext", extension));
        }
        keytool(store, arguments);
        keytool(
                store,
                List.of("-exportcert", "-alias", name, "-file", file(name + ".crt").toString()));
        return store;
    }

    /** A truststore with the certificate of a key, in one move as far as a reader can see. */
    Path trusting(String name, String key) throws IOException {
        Path made = file(name + ".new");
        Files.deleteIfExists(made);
        keytool(
                made,
                List.of(
                        "-importcert",
                        "-noprompt",
                        "-alias",
                        key,
                        "-file",
                        file(key + ".crt").toString()));
        return Files.move(made, file(name), StandardCopyOption.REPLACE_EXISTING);
    }

    private static void keytool(Path store, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        command.addAll(arguments);
        command.addAll(List.of("-keystore", store.toString(), "-storetype", "PKCS12"));
        command.addAll(List.of("-storepass", PASSWORD));
        try {
            Process keytool = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(keytool.getInputStream().readAllBytes());
            if (keytool.waitFor() != 0) {
                throw new AssertionError(command + ": " + said);
            }
        } catch (IOException e) {
            throw new AssertionError(command.toString(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
