package org.modelfailover.gateway.host;

import org.apache.axiom.om.OMAbstractFactory;
import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMOutputFormat;
import org.apache.axis2.AxisFault;
import org.apache.axis2.builder.Builder;
import org.apache.axis2.context.MessageContext;
import org.apache.axis2.transport.MessageFormatter;
import org.apache.axis2.transport.base.BaseConstants;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;

import javax.xml.namespace.QName;

/**
 * Stands for the host's {@code JsonStreamBuilder} and {@code JsonStreamFormatter} (JSON) and {@code
 * PlainTextBuilder} and {@code PlainTextFormatter} (text, event streams): when some mediator builds
 * a message, its text is kept character for character and written out again as UTF-8.
 */
public final class TextPayload implements Builder, MessageFormatter {
    private static final QName WRAPPER = BaseConstants.DEFAULT_TEXT_WRAPPER;

    public static OMElement wrap(String text) {
        OMElement wrapper = OMAbstractFactory.getOMFactory().createOMElement(WRAPPER);
        wrapper.setText(text);
        return wrapper;
    }

    @Override
    public OMElement processDocument(InputStream in, String contentType, MessageContext context)
            throws AxisFault {
        try {
            return wrap(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw AxisFault.makeFault(e);
        }
    }

    @Override
    public byte[] getBytes(MessageContext context, OMOutputFormat format) {
        OMElement first = context.getEnvelope().getBody().getFirstElement();
        return first == null ? new byte[0] : first.getText().getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void writeTo(
            MessageContext context, OMOutputFormat format, OutputStream out, boolean preserve)
            throws AxisFault {
        try {
            out.write(getBytes(context, format));
        } catch (IOException e) {
            throw AxisFault.makeFault(e);
        }
    }

    @Override
    public String getContentType(MessageContext context, OMOutputFormat format, String soapAction) {
        Object full = context.getProperty("ContentType");
        Object type = full != null ? full : context.getProperty("messageType");
        return type == null ? "application/json" : type.toString();
    }

    @Override
    public URL getTargetAddress(MessageContext context, OMOutputFormat format, URL target) {
        return target;
    }

    @Override
    public String formatSOAPAction(
            MessageContext context, OMOutputFormat format, String soapAction) {
        return soapAction;
    }
}
