package org.modelfailover.gateway;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;

/** Key stores made by the JDK, all with one password. */
final class Stores {
    static final String PASSWORD = "store-secret-4711";

    private final Path folder;

    Stores(Path folder) {
        this.folder = folder;
    }

    Path file(String name) {
        return folder.resolve(name + ".p12");
    }

    /** A key with a certificate that it signed itself, in a store of its name. */
    Path key(String name, String... extensions) {
        List<String> options = new ArrayList<>(List.of("-keyalg", "EC", "-dname", "CN=" + name));
        for (String extension : extensions) {
            options.addAll(List.of("-ext", extension));
        }
        keytool(name, "-genkeypair", options);
        return file(name);
    }

    /** A key with a certificate that another key has signed. */
    Path key(String name, String signer, String extension) {
        Path request = folder.resolve(name + ".csr");
        Path answer = folder.resolve(name + ".crt");
        key(name);
        keytool(name, "-certreq", List.of("-file", request.toString()));
        List<String> signing = List.of("-infile", request.toString(), "-outfile");
        List<String> gencert = new ArrayList<>(signing);
        gencert.addAll(List.of(answer.toString(), "-ext", extension));
        keytool(signer, "-gencert", gencert);
        // The chain is complete only when the store knows the signer.
        add(file(name), signer);
        keytool(name, "-importcert", List.of("-noprompt", "-file", answer.toString()));
        return file(name);
    }

    /** A truststore with the certificate of one key; what had the name before is gone at once. */
    Path trusting(String name, String key) {
        Path made = folder.resolve(name + ".new");
        write(made, empty());
        add(made, key);
        try {
            return Files.move(made, file(name), StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void add(Path store, String key) {
        try {
            KeyStore changed = read(store);
            changed.setCertificateEntry("trusted-" + key, read(file(key)).getCertificate(key));
            write(store, changed);
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    static KeyStore read(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(in, PASSWORD.toCharArray());
            return store;
        } catch (IOException | GeneralSecurityException e) {
            throw new AssertionError(file.toString(), e);
        }
    }

    private static KeyStore empty() {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            return store;
        } catch (IOException | GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }

    private static void write(Path file, KeyStore store) {
        try (OutputStream out = Files.newOutputStream(file)) {
            store.store(out, PASSWORD.toCharArray());
        } catch (IOException | GeneralSecurityException e) {
            throw new AssertionError(file.toString(), e);
        }
    }

    private void keytool(String name, String command, List<String> options) {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        line.addAll(List.of(command, "-alias", name, "-keystore", file(name).toString()));
        line.addAll(List.of("-storetype", "PKCS12", "-storepass", PASSWORD));
        line.addAll(options);
        try {
            Process keytool = new ProcessBuilder(line).redirectErrorStream(true).start();
            String said = new String(keytool.getInputStream().readAllBytes());
            if (keytool.waitFor() != 0) {
                throw new AssertionError(line + ": " + said);
            }
        } catch (IOException e) {
            throw new AssertionError(line.toString(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }
}
