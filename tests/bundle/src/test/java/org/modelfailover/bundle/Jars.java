package org.modelfailover.bundle;

import org.osgi.framework.Constants;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;

/** Bundles that are made for a test. */
final class Jars {
    private Jars() {}

    /** A bundle with classes of this test's own. */
    static InputStream of(Map<String, String> headers, Class<?>... classes) throws IOException {
        var manifest = new Manifest();
        var attributes = manifest.getMainAttributes();
        attributes.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        attributes.putValue(Constants.BUNDLE_MANIFESTVERSION, "2");
        headers.forEach(attributes::putValue);
        var bytes = new ByteArrayOutputStream();
        try (var jar = new JarOutputStream(bytes, manifest)) {
            for (Class<?> type : classes) {
                String entry = type.getName().replace('.', '/') + ".class";
                jar.putNextEntry(new JarEntry(entry));
                try (InputStream in = type.getClassLoader().getResourceAsStream(entry)) {
                    in.transferTo(jar);
                }
            }
        }
        return new ByteArrayInputStream(bytes.toByteArray());
    }

    /** An entry with what a test makes of it. */
    interface Change {
        /** Its name and content. */
        Map.Entry<String, byte[]> of(String name, byte[] content) throws IOException;
    }

    /** The same bundle with other entries. */
    static void changed(Path bundle, Path copy, Change change) throws IOException {
        try (var jar = new JarFile(bundle.toFile());
                var out = new JarOutputStream(Files.newOutputStream(copy), jar.getManifest())) {
            for (JarEntry entry : Collections.list(jar.entries())) {
                if (!entry.getName().equals(JarFile.MANIFEST_NAME)) {
                    byte[] content = jar.getInputStream(entry).readAllBytes();
                    Map.Entry<String, byte[]> made = change.of(entry.getName(), content);
                    out.putNextEntry(new JarEntry(made.getKey()));
                    out.write(made.getValue());
                }
            }
        }
    }

    /** The same bundle as another version would be: its own and its packages' version differ. */
    static InputStream as(String version, Path bundle) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var jar = new JarFile(bundle.toFile())) {
            Manifest manifest = jar.getManifest();
            var attributes = manifest.getMainAttributes();
            String own = attributes.getValue(Constants.BUNDLE_VERSION);
            for (String header : List.of(Constants.BUNDLE_VERSION, Constants.EXPORT_PACKAGE)) {
                attributes.putValue(header, attributes.getValue(header).replace(own, version));
            }
            try (var out = new JarOutputStream(bytes, manifest)) {
                for (JarEntry entry : Collections.list(jar.entries())) {
                    if (!entry.getName().equals(JarFile.MANIFEST_NAME)) {
                        out.putNextEntry(new JarEntry(entry.getName()));
                        jar.getInputStream(entry).transferTo(out);
                    }
                }
            }
        }
        return new ByteArrayInputStream(bytes.toByteArray());
    }
}
