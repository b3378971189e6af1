package org.modelfailover.host;

import com.google.gson.JsonObject;

import org.everit.json.schema.ValidationException;
import org.everit.json.schema.loader.SchemaLoader;
import org.json.JSONArray;
import org.json.JSONObject;
import org.wso2.carbon.apimgt.impl.utils.APIUtil;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The schema of the host's jar without what API Manager 4.5.0's had not yet: attribute types Secret
 * and JSON, API type WS, gateways Azure and Kong. 4.5.0's own jar is not on Maven Central.
 */
final class SchemaOf4_5_0 {
    private static final String RESOURCE =
            "/operationPolicy/operation-policy-specification-schema.json";

    private static final Set<String> LATER = Set.of("Secret", "JSON", "WS", "Azure", "Kong");

    /** WS stands there twice: as a bare API type and inside the object form. */
    private static final int LATER_IN_ALL = 6;

    private SchemaOf4_5_0() {}

    /**
     * Validates with the validator that the host uses.
     *
     * @throws ValidationException when 4.5.0 would refuse the specification
     */
    static void validate(JsonObject specification) throws IOException {
        SchemaLoader.load(schema()).validate(new JSONObject(specification.toString()));
    }

    private static JSONObject schema() throws IOException {
        try (InputStream in = APIUtil.class.getResourceAsStream(RESOURCE)) {
            JSONObject schema =
                    new JSONObject(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            int removed = narrow(schema);
            if (removed != LATER_IN_ALL) {
                throw new IllegalStateException(
                        "the host's schema has changed: " + removed + " of its values are later");
            }
            return schema;
        }
    }

    private static int narrow(Object node) {
        int removed = 0;
        if (node instanceof JSONObject) {
            JSONObject object = (JSONObject) node;
            for (String key : List.copyOf(object.keySet())) {
                if (key.equals("enum")) {
                    List<Object> kept = new ArrayList<>();
                    for (Object value : object.getJSONArray(key)) {
                        if (!LATER.contains(value)) {
                            kept.add(value);
                        }
                    }
                    removed += object.getJSONArray(key).length() - kept.size();
                    object.put(key, new JSONArray(kept));
                } else {
                    removed += narrow(object.get(key));
                }
            }
        } else if (node instanceof JSONArray) {
            for (Object element : (JSONArray) node) {
                removed += narrow(element);
            }
        }
        return removed;
    }
}
